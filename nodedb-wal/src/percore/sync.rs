//! Syncing without waiting: submitted by a core's owner, who looks later what came of it.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::writer::CoreWriter;
use crate::error::{Error, Result};
use crate::log::Commit;
use crate::types::Lsn;

/// A sync that is over.
#[derive(Debug)]
pub struct SyncDone {
    /// The core.
    pub core: u32,
    /// The record that was appended last when the sync was submitted: it and all before it are on
    /// disk, or `outcome` says why not.
    pub position: Lsn,
    /// After an [`Error::is_retryable`] the sync may be submitted again; after any other the core
    /// takes no more records until the logs are opened again. Other cores go on.
    pub outcome: Result<()>,
}

/// The syncs of a core that were submitted and not told to be over.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    /// In order of position.
    pending: VecDeque<Sync>,
}

#[derive(Debug)]
struct Sync {
    position: Lsn,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Commit),
    Done(Result<()>),
}

impl CoreWriter {
    /// Has everything appended so far brought to the disk, without waiting for it; the position that
    /// will be durable. A thread of the core's log does it, where the storage allows threads; else it
    /// happens in [`Self::poll_syncs`].
    ///
    /// # Errors
    ///
    /// None of its own yet: what goes wrong is told by [`Self::poll_syncs`].
    pub fn submit_sync(&mut self) -> Result<Lsn> {
        let position = self.position();
        let state = State::Waiting(self.log.commit_async(position));
        let mut sync = Sync { position, state };
        if self.log.allows_threads() {
            sync.poll(Waker::noop());
        }
        self.syncs.pending.push_back(sync);
        Ok(position)
    }

    /// The syncs that are over since the last call, in order. Of those that are not, `waker` is told:
    /// [`Waker::noop`] will do for somebody who asks again.
    pub fn poll_syncs(&mut self, waker: &Waker) -> Vec<SyncDone> {
        let core = self.core();
        let mut done = Vec::new();
        while let Some(mut first) = self.syncs.pending.pop_front() {
            first.poll(waker);
            match first.state {
                State::Waiting(_) => {
                    self.syncs.pending.push_front(first);
                    break;
                }
                State::Done(outcome) => done.push(SyncDone {
                    core,
                    position: first.position,
                    outcome,
                }),
            }
        }
        done
    }

    /// Whether a sync was submitted whose end was not told yet.
    #[must_use]
    pub fn is_sync_pending(&self) -> bool {
        !self.syncs.pending.is_empty()
    }
}

impl Sync {
    fn poll(&mut self, waker: &Waker) {
        if let State::Waiting(commit) = &mut self.state {
            let mut context = Context::from_waker(waker);
            if let Poll::Ready(outcome) = Pin::new(commit).poll(&mut context) {
                self.state = State::Done(outcome.map(|_durable| ()));
            }
        }
    }
}

/// Makes `wanted` durable, each on its own log, all at once where threads are allowed.
///
/// # Errors
///
/// The first that failed; the others were tried all the same.
pub(super) fn sync_all<'l>(
    wanted: impl Iterator<Item = (&'l crate::log::Log, Lsn)> + Clone,
) -> Result<()> {
    let mut begun = Vec::new();
    for (log, lsn) in wanted.clone() {
        let mut sync = Sync {
            position: lsn,
            state: State::Waiting(log.commit_async(lsn)),
        };
        sync.poll(Waker::noop());
        begun.push(sync);
    }
    let mut first: Option<Error> = None;
    for ((log, lsn), sync) in wanted.zip(begun) {
        let outcome = match sync.state {
            State::Done(outcome) => outcome,
            State::Waiting(_) => log.commit(lsn).map(|_durable| ()),
        };
        if let Err(error) = outcome {
            first.get_or_insert(error);
        }
    }
    first.map_or(Ok(()), Err)
}
