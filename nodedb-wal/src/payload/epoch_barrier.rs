//! An epoch ended on a core. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::{Archive, Serialize};

use super::archive::{self, AlignedScratch};
use super::{Payload, PayloadError};
use crate::types::{Epoch, RecordKind};

const VERSION: u8 = 1;

/// An epoch ended on a core: that core's log has no later record of it. Version 1: read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochBarrier {
    /// The epoch that ended.
    pub epoch: Epoch,
    /// The core's number, from 0 on.
    pub core: u32,
}

/// An [`EpochBarrier`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct EpochBarrierView<'a> {
    stored: &'a ArchivedStored,
}

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored {
    epoch: u64,
    core: u32,
}

impl<'a> EpochBarrierView<'a> {
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let stored = archive::access(RecordKind::EpochBarrier, VERSION, bytes, scratch)?;
        Ok(Self { stored })
    }

    /// The epoch that ended.
    #[must_use]
    pub fn epoch(self) -> Epoch {
        Epoch::new(self.stored.epoch.to_native())
    }

    /// The core's number.
    #[must_use]
    pub fn core(self) -> u32 {
        self.stored.core.to_native()
    }
}

impl fmt::Debug for EpochBarrierView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochBarrierView")
            .field("epoch", &self.epoch())
            .field("core", &self.core())
            .finish()
    }
}

impl Payload for EpochBarrier {
    const KIND: RecordKind = RecordKind::EpochBarrier;

    fn collection(&self) -> Option<&str> {
        None
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let stored = Stored {
            epoch: self.epoch.value(),
            core: self.core,
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = EpochBarrierView::read(bytes, &mut scratch)?;
        Ok(Self {
            epoch: view.epoch(),
            core: view.core(),
        })
    }

    fn collection_in(_: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        Ok(None)
    }
}
