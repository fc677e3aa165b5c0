//! Bulk loads: full buffers that nobody waits for are written one after the other and made durable
//! several at a time, by one sync.
//!
//! Whoever does anything else at the disk syncs first ([`Core::sync_written`]), so that the durable
//! frontier moves in order of writes and a rotation leaves nothing behind. A crash leaves any part of
//! what is written and not synced, a later write without an earlier one too.

use super::state::{Core, State};
use crate::error::{Error, Result};
use crate::segment::WriteBuffer;
use crate::sync::MutexGuard;
use crate::types::Lsn;

/// After so many buffers there is a sync: with eight, a write over new space took a fifth less time
/// than one that is durable by itself, and with more no less (docs/decisions/0039).
const BUFFERS_MAX: usize = 8;

/// When a write is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// When it ends.
    AtOnce,
    /// With the next sync.
    Synced,
}

/// What was written of the active segment and is not synced.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    /// The last record of it; nothing when everything is synced.
    last_lsn: Option<Lsn>,
    bytes: usize,
}

impl Unsynced {
    pub(crate) fn is_empty(&self) -> bool {
        self.last_lsn.is_none()
    }

    /// Whether `lsn` is written: a sync makes it durable.
    pub(crate) fn holds(&self, lsn: Lsn) -> bool {
        self.last_lsn.is_some_and(|last| lsn <= last)
    }

    pub(super) fn add(&mut self, write: &WriteBuffer) {
        self.last_lsn = Some(write.last_lsn());
        self.bytes += write.blocks().len();
    }
}

impl Core {
    /// Brings a full buffer to the disk, the caller having it.
    pub(crate) fn write_full(
        &self,
        state: &mut MutexGuard<'_, State>,
        write: WriteBuffer,
    ) -> Result<()> {
        let is_waited_for = state.sleepers.count() + state.slept > 0;
        if is_waited_for || !state.syncing.waits_for_commit() {
            return self.write_one(state, write);
        }
        self.bring(state, write, When::Synced)?;
        state.counters.writes_bulk += 1;
        let is_much = state.unsynced.bytes >= BUFFERS_MAX * self.limits.buffer_bytes;
        if is_much || state.sleepers.count() > 0 {
            self.sync_written(state)?;
        }
        Ok(())
    }

    /// Makes durable what is written, the caller having the disk, and moves the frontier.
    ///
    /// # Errors
    ///
    /// Any failure poisons the log.
    pub(crate) fn sync_written(&self, state: &mut MutexGuard<'_, State>) -> Result<()> {
        let Some(last_lsn) = state.unsynced.last_lsn else {
            return Ok(());
        };
        let Some(active) = &state.active else {
            return Err(Error::Closed);
        };
        let (file, path) = (active.file.clone(), active.path());
        match MutexGuard::unlocked(state, || file.sync_written()) {
            Ok(()) => {
                state.unsynced = Unsynced::default();
                state.counters.syncs_bulk += 1;
                self.view.advance_durable(last_lsn);
                Ok(())
            }
            Err(source) => Err(state.poison(Error::Io {
                operation: "sync",
                path,
                source,
            })),
        }
    }
}
