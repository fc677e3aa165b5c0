//! Closing: commit, seal, give the lock back.

use super::rotate::seal_entry;
use super::state::{Core, Disk};
use crate::error::Result;
use crate::segment::SealedEnd;
use crate::sync::MutexGuard;

impl Core {
    /// Commits what was appended, seals the active segment when it has records, and closes. The lock
    /// is given back whether or not that works; what was acknowledged is on disk either way.
    pub(crate) fn close(&self) -> Result<()> {
        self.end_pending();
        self.end_handover();
        self.end_watch();
        self.end_syncing();
        // What is wrong with the past is no reason not to close.
        let _told_to_who_reads = self.finish_past();
        let mut state = self.usable()?;
        self.take_disk(&mut state, Disk::Rotating)?;
        self.finish_sealing(&mut state);
        let committed = state
            .check_usable()
            .and_then(|()| self.write_pending(&mut state));
        let active = state.active.take();
        let (start_lsn, sealed_at) = (state.start_lsn, state.last_timestamp);
        let (last_lsn, data_end) = (state.next_lsn.previous(), state.filling.position());
        let sealed = committed.and_then(|()| {
            let Some(active) = active else { return Ok(()) };
            let entry = &active.entry;
            if last_lsn < entry.header().first_lsn {
                return Ok(());
            }
            let index = active.index.snapshot();
            let end = SealedEnd {
                header: entry.header(),
                index: index.as_ref(),
                last_lsn,
                digest: active.digest,
                data_end,
                start_lsn,
                sealed_at,
                continued: false,
                shorten: true,
            };
            MutexGuard::unlocked(&mut state, || {
                seal_entry(entry, active.file.as_ref(), entry.path(), &end)
            })
        });
        state.is_closed = true;
        // The directory is the next owner's only when nothing of ours writes to it any more.
        MutexGuard::unlocked(&mut state, || self.preparer.stop());
        state.lock = None;
        self.release_disk(&mut state);
        sealed
    }

    /// Gives the lock back without committing anything.
    pub(crate) fn abandon(&self) {
        self.end_pending();
        self.end_handover();
        self.end_watch();
        self.end_syncing();
        self.leave_past();
        self.end_sealing();
        self.preparer.stop();
        let mut state = self.state.lock();
        state.is_closed = true;
        state.lock = None;
        drop(state);
        self.followers.tell_all();
    }
}
