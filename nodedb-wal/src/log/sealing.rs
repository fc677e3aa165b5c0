//! Sealing behind the writers' backs: a segment that was full gets its footer and trailer from a
//! thread of the log while records go on in the next.
//!
//! One segment is sealed at a time and the next rotation waits for it, so that of a log whose
//! process died only the last two segments can be unsealed. The thread is started by the first
//! rotation and ends with the log. Where there is none, whoever waits for the seal does it.

use std::sync::Arc;

use super::rotate::seal_entry;
use super::space_pool::Space;
use super::state::{Active, Core, State};
use crate::error::{Error, Result};
use crate::segment::SealedEnd;
use crate::sync::{Condvar, JoinHandle, MutexGuard, ThreadBuilder};
use crate::types::{Lsn, Timestamp};

/// How the thread is told.
#[derive(Debug, Default)]
pub(crate) struct Sealer {
    /// A segment ended, or the log ends. Waited on with `Core::state`.
    asked: Condvar,
}

/// The part of the state that is about sealing.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    job: Job,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

#[derive(Debug, Default)]
enum Job {
    #[default]
    Nothing,
    Asked(Box<Ended>),
    UnderWay,
}

impl Job {
    /// The segment that is asked for; it is under way then.
    fn take_asked(&mut self) -> Option<Box<Ended>> {
        match std::mem::take(self) {
            Self::Asked(ended) => {
                *self = Self::UnderWay;
                Some(ended)
            }
            other => {
                *self = other;
                None
            }
        }
    }
}

/// How a segment ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) active: Active,
    pub(crate) last_lsn: Lsn,
    pub(crate) data_end: u64,
    pub(crate) start_lsn: Lsn,
    pub(crate) sealed_at: Timestamp,
}

impl Core {
    /// Has a segment sealed that nobody writes to any more. No other is being sealed.
    pub(crate) fn seal_behind(self: &Arc<Self>, state: &mut MutexGuard<'_, State>, ended: Ended) {
        state.sealing.job = Job::Asked(Box::new(ended));
        if self.storage.allows_threads() && state.sealing.thread.is_none() {
            let core = Arc::clone(self);
            let spawned = ThreadBuilder::new()
                .name("wal-seal".to_owned())
                .spawn(move || core.seal_asked());
            match spawned {
                Ok(thread) => state.sealing.thread = Some(thread),
                Err(error) => tracing::warn!(%error, "no thread to seal segments"),
            }
        }
        self.sealer.asked.notify_one();
    }

    /// Waits until no segment is to be sealed. A seal that failed has poisoned the log by then.
    pub(crate) fn finish_sealing(&self, state: &mut MutexGuard<'_, State>) {
        loop {
            match &state.sealing.job {
                Job::Nothing => return,
                Job::Asked(_) if state.sealing.thread.is_none() => self.seal_next(state),
                Job::Asked(_) | Job::UnderWay => self.changed.wait(state),
            }
        }
    }

    /// Ends the thread, after the segment it is at.
    pub(crate) fn end_sealing(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.sealing.is_over = true;
            self.sealer.asked.notify_all();
            state.sealing.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that seals segments panicked");
        }
    }

    /// Seals what it is asked to, until the log ends.
    fn seal_asked(&self) {
        let mut state = self.state.lock();
        while !state.sealing.is_over {
            match &state.sealing.job {
                Job::Asked(_) => self.seal_next(&mut state),
                Job::Nothing | Job::UnderWay => self.sealer.asked.wait(&mut state),
            }
        }
    }

    /// Seals the segment that is asked for, if one is, with the lock free meanwhile.
    fn seal_next(&self, state: &mut MutexGuard<'_, State>) {
        let Some(ended) = state.sealing.job.take_asked() else {
            return;
        };
        // A log that was poisoned writes nothing more.
        let sealed = match state.poison {
            Some(_) => Ok(()),
            None => MutexGuard::unlocked(state, || seal_ended(&ended)),
        };
        state.sealing.job = Job::Nothing;
        match sealed {
            Ok(()) => {}
            // Its records are durable and found without the footer; opening the log seals it.
            Err(error @ Error::DiskFull { .. }) => {
                tracing::warn!(%error, "a full segment stays unsealed until the log is opened again");
            }
            Err(error) => {
                let _told_to_all_who_call = state.poison(error);
                self.waiters.end_round();
                MutexGuard::unlocked(state, || self.wake_everybody());
            }
        }
        self.changed.notify_all();
    }
}

fn seal_ended(ended: &Ended) -> Result<()> {
    let index = ended.active.index.snapshot();
    let entry = &ended.active.entry;
    let end = SealedEnd {
        header: entry.header(),
        index: index.as_ref(),
        last_lsn: ended.last_lsn,
        digest: ended.active.digest,
        data_end: ended.data_end,
        start_lsn: ended.start_lsn,
        sealed_at: ended.sealed_at,
        continued: true,
        // A full file keeps its length, so that it can be used again. One that was left early gives
        // back what it did not use, and so does one of another length.
        shorten: matches!(ended.active.space, Space::Hurried | Space::Fitted),
    };
    seal_entry(entry, ended.active.file.as_ref(), entry.path(), &end)
}
