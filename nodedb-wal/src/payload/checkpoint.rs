//! An engine holds everything up to an LSN elsewhere. Read in place.

use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::archived_payload;
use crate::types::Lsn;

/// An engine has everything up to and with an LSN in its own durable files: replay for that engine
/// starts behind it. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The engine's name.
    pub engine: String,
    /// The last record the engine no longer needs.
    pub lsn: Lsn,
}

archived_payload!(
    Checkpoint, version 1, collection none, CheckpointView of ArchivedStored<'a>,
);

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    engine: &'a str,
    lsn: u64,
}

impl<'a> CheckpointView<'a> {
    /// The engine's name.
    #[must_use]
    pub fn engine(self) -> &'a str {
        &self.stored.engine
    }

    /// The last record the engine no longer needs.
    #[must_use]
    pub fn lsn(self) -> Lsn {
        Lsn::new(self.stored.lsn.to_native())
    }

    fn copied(self) -> Checkpoint {
        Checkpoint {
            engine: self.engine().to_owned(),
            lsn: self.lsn(),
        }
    }
}

impl fmt::Debug for CheckpointView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointView")
            .field("engine", &self.engine())
            .field("lsn", &self.lsn())
            .finish()
    }
}

impl Checkpoint {
    fn stored(&self) -> Stored<'_> {
        Stored {
            engine: &self.engine,
            lsn: self.lsn.value(),
        }
    }
}
