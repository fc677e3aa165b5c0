//! An engine holds everything up to an LSN elsewhere. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::{self, AlignedScratch};
use super::{Payload, PayloadError};
use crate::types::{Lsn, RecordKind};

const VERSION: u8 = 1;

/// An engine has everything up to and with an LSN in its own durable files: replay for that engine
/// starts behind it. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The engine's name.
    pub engine: String,
    /// The last record the engine no longer needs.
    pub lsn: Lsn,
}

/// A [`Checkpoint`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct CheckpointView<'a> {
    stored: &'a ArchivedStored<'a>,
}

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    engine: &'a str,
    lsn: u64,
}

impl<'a> CheckpointView<'a> {
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let stored = archive::access(RecordKind::Checkpoint, VERSION, bytes, scratch)?;
        Ok(Self { stored })
    }

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
}

impl fmt::Debug for CheckpointView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointView")
            .field("engine", &self.engine())
            .field("lsn", &self.lsn())
            .finish()
    }
}

impl Payload for Checkpoint {
    const KIND: RecordKind = RecordKind::Checkpoint;

    fn collection(&self) -> Option<&str> {
        None
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let stored = Stored {
            engine: &self.engine,
            lsn: self.lsn.value(),
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = CheckpointView::read(bytes, &mut scratch)?;
        Ok(Self {
            engine: view.engine().to_owned(),
            lsn: view.lsn(),
        })
    }

    fn collection_in(_: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        Ok(None)
    }
}
