//! An epoch ended on a core. Read in place.

use std::fmt;

use rkyv::{Archive, Serialize};

use super::archive::archived_payload;
use crate::types::Epoch;

/// An epoch ended on a core: that core's log has no later record of it. Version 1: read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochBarrier {
    /// The epoch that ended.
    pub epoch: Epoch,
    /// The core's number, from 0 on.
    pub core: u32,
}

archived_payload!(
    EpochBarrier, version 1, collection none, EpochBarrierView of ArchivedStored,
    epoch epoch,
);

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored {
    epoch: u64,
    core: u32,
}

impl<'a> EpochBarrierView<'a> {
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

    fn copied(self) -> EpochBarrier {
        EpochBarrier {
            epoch: self.epoch(),
            core: self.core(),
        }
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

impl EpochBarrier {
    fn stored(&self) -> Stored {
        Stored {
            epoch: self.epoch.value(),
            core: self.core,
        }
    }
}
