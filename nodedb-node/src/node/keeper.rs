//! The keeper of a node: a thread that drops what nobody needs when there is something to drop. It
//! sleeps until a segment was started, a hold moved or the time has come; it does not poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nodedb_wal::Bell;
use parking_lot::{Condvar, Mutex};

use super::{Node, Retained, Stalled, Tended, Truncation};
use crate::error::{Error, Result};

/// Keeps a node's log as short as the holds allow, from [`Keeper::start`] until it is stopped or
/// dropped. It keeps the node open as long.
#[derive(Debug)]
pub struct Keeper {
    bell: Arc<Bell>,
    shared: Arc<Shared>,
    /// None on a storage that allows no threads: there [`Node::tend`] is for the caller to call.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    status: Mutex<KeeperStatus>,
    /// It looked once more. Waited on with `status`.
    looked: Condvar,
}

/// How a keeper is doing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KeeperStatus {
    /// How often it looked.
    pub looked: u64,
    /// What the last truncation came to; nothing when none was due yet.
    pub last: Option<Truncation>,
    /// What keeps the log larger than it should be; nothing when it is not.
    pub over: Option<Retained>,
    /// The consumers that are further behind than they may be, as of the last time it looked.
    pub stalled: Vec<Stalled>,
    /// The consumers it has dropped for that.
    pub dropped: Vec<Stalled>,
    /// Why it could not do its work the last time; nothing once it could again.
    pub failure: Option<Arc<Error>>,
}

impl Keeper {
    /// Starts to keep `node`'s log, by its [`Retention`](crate::Retention).
    ///
    /// # Errors
    ///
    /// The thread could not be started.
    pub fn start(node: &Arc<Node>) -> Result<Self> {
        let log = node.wal().log();
        let bell = log.bell();
        let shared = Arc::<Shared>::default();
        let mut keeper = Self {
            bell: Arc::clone(&bell),
            shared: Arc::clone(&shared),
            thread: None,
        };
        if log.allows_threads() {
            let node = Arc::clone(node);
            let thread = Builder::new()
                .name("node-keeper".to_owned())
                .spawn(move || keep(&node, &bell, &shared))
                .map_err(|source| nodedb_wal::Error::Io {
                    operation: "start a thread for",
                    path: log.directory().to_path_buf(),
                    source,
                })?;
            keeper.thread = Some(thread);
        }
        Ok(keeper)
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> KeeperStatus {
        self.shared.status.lock().clone()
    }

    /// Waits until it is doing as asked for, looking again whenever it has looked, and says how it is
    /// doing then; nothing when that took longer than `at_most`.
    #[must_use]
    pub fn wait_until(
        &self,
        at_most: Duration,
        mut is_so: impl FnMut(&KeeperStatus) -> bool,
    ) -> Option<KeeperStatus> {
        let until = Instant::now() + at_most;
        let mut status = self.shared.status.lock();
        while !is_so(&status) {
            if self
                .shared
                .looked
                .wait_until(&mut status, until)
                .timed_out()
            {
                return None;
            }
        }
        Some(status.clone())
    }

    /// Ends it, after what it is at, and says how it was doing.
    #[must_use]
    pub fn stop(mut self) -> KeeperStatus {
        self.end();
        self.status()
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        self.bell.ring();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that drops old segments panicked");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep(node: &Node, bell: &Bell, shared: &Shared) {
    let mut seen = bell.rings();
    while !shared.is_over.load(Ordering::Acquire) {
        let tended = node.tend();
        note(&mut shared.status.lock(), tended);
        shared.looked.notify_all();
        seen = bell.wait_past(seen, node.retention().every);
    }
}

/// Takes in what came of it, and tells whoever reads the node's traces of what is new.
fn note(status: &mut KeeperStatus, tended: Result<Tended>) {
    status.looked += 1;
    match tended {
        Ok(tended) => {
            status.failure = None;
            status.last = tended.truncation.or(status.last.take());
            warn_of(tended.over.as_ref(), status.over.as_ref());
            status.over = tended.over;
            warn_of_stalled(&tended.stalled, &status.stalled);
            let dropped = tended.stalled.iter().filter(|one| one.is_dropped);
            status.dropped.extend(dropped.cloned());
            status.stalled = tended.stalled;
        }
        Err(error) => {
            tracing::error!(%error, "old segments could not be dropped; they stay");
            status.failure = Some(Arc::new(error));
        }
    }
}

/// Tells once of each consumer that is too far behind.
fn warn_of_stalled(now: &[Stalled], before: &[Stalled]) {
    for one in now {
        let was_told = before.iter().any(|told| told.consumer == one.consumer);
        if one.is_dropped || !was_told {
            tracing::warn!(
                consumer = one.consumer,
                acknowledged = one.acknowledged.value(),
                over = one.over,
                dropped = one.is_dropped,
                "a consumer is further behind than it may be"
            );
        }
    }
}

/// Tells once who keeps a log that is too large, and again when that changes.
fn warn_of(now: Option<&Retained>, before: Option<&Retained>) {
    let Some(now) = now else {
        return;
    };
    let first_of = |retained: &Retained| retained.pins.first().map(|pin| pin.hold.clone());
    if before.is_some_and(|before| first_of(before) == first_of(now)) {
        return;
    }
    let (bytes, bytes_max) = (now.bytes, now.bytes_max.unwrap_or_default());
    match now.pins.first() {
        Some(pin) => tracing::warn!(
            bytes,
            bytes_max,
            hold = pin.hold,
            needs = pin.needs.map(nodedb_wal::Lsn::value),
            pinned_bytes = pin.bytes,
            since_nanos = pin.since.as_nanos(),
            "the log is larger than it should be: a hold keeps old segments"
        ),
        None => tracing::warn!(
            bytes,
            bytes_max,
            "the log is larger than it should be: there is no hold, so nobody said what may go"
        ),
    }
}
