//! What the log takes on the disk, and which hold keeps it.

use super::Node;
use crate::control::{Pin, pins};
use crate::error::Result;

/// What the log takes on the disk, and which hold keeps how much of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retained {
    /// Bytes of all segment files.
    pub bytes: u64,
    /// How many there should be at most; nothing when that is not limited.
    pub bytes_max: Option<u64>,
    /// What each hold keeps, the one that keeps most first.
    pub pins: Vec<Pin>,
}

impl Retained {
    /// Bytes above the limit.
    #[must_use]
    pub fn over_bytes(&self) -> u64 {
        self.bytes_max
            .map_or(0, |max| self.bytes.saturating_sub(max))
    }
}

impl Node {
    /// What the log takes on the disk, and which hold keeps how much of it since when.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn retained(&self) -> Result<Retained> {
        let holds = self.holds()?;
        let segments = self.wal().extents();
        Ok(Retained {
            bytes: segments.iter().map(|segment| segment.file_bytes).sum(),
            bytes_max: self.retention().retained_bytes_max,
            pins: pins(&holds, &segments),
        })
    }
}
