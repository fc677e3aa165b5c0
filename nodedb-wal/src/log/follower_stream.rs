//! A follower as a stream: a thread of its own sleeps until the directory changes, reads what is new
//! and hands it over, no further ahead than whoever takes it allows.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::follower::{Follower, FollowerStop};
use super::owned_record::OwnedRecord;
use crate::error::{Error, Result};
use crate::sync::{Condvar, JoinHandle, Mutex, ThreadBuilder};

/// So many bytes are read ahead of whoever takes the records; one record at least.
const AHEAD_BYTES: usize = 1 << 20;

/// Follows a log through its directory as a stream of records that own their bytes: see
/// [`Follower::into_stream`]. It ends where the follower ends, when it is
/// [stopped](Self::stopper), and behind the first error.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct FollowerStream {
    shared: Arc<Shared>,
    stop: FollowerStop,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for moments, and never while a log is read.
    way: Mutex<Way>,
    /// Records were taken, or nobody takes any more.
    taken: Condvar,
}

/// What is on its way.
#[derive(Debug, Default)]
struct Way {
    records: VecDeque<OwnedRecord>,
    bytes: usize,
    /// What the follower ended with.
    end: Option<Result<()>>,
    /// Whoever waits for the next.
    waker: Option<Waker>,
    /// Nobody takes any more.
    is_left: bool,
}

impl Follower {
    /// The same as a `Stream` of records that own their bytes. It needs no runtime: a thread of the
    /// stream's own waits for the directory to change, and ends with it. Whoever does not take what is
    /// there holds it back once a MiB was read ahead.
    ///
    /// # Errors
    ///
    /// No thread could be started; the storage has no [`DirectoryWatch`](crate::storage::DirectoryWatch).
    pub fn into_stream(self) -> Result<FollowerStream> {
        self.check_watched()?;
        let path = self.directory().to_path_buf();
        let stop = self.stopper();
        let shared = Arc::new(Shared::default());
        let feeding = Arc::clone(&shared);
        let thread = ThreadBuilder::new()
            .name("wal-follow".to_owned())
            .spawn(move || feeding.feed(self))
            .map_err(|source| Error::of_io("start a thread for", path, source))?;
        Ok(FollowerStream {
            shared,
            stop,
            thread: Some(thread),
        })
    }
}

impl Shared {
    /// The thread: brings records until there is no more, or nobody wants any.
    fn feed(&self, mut follower: Follower) {
        let path = follower.directory().to_path_buf();
        let ending = Ending { shared: self, path };
        let end = loop {
            match follower.next() {
                Ok(Some(record)) => {
                    if !self.bring(OwnedRecord::from(&record)) {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.way.lock().end = Some(end);
        drop(ending);
    }

    /// Hands a record over once there is room; `false` when nobody takes it any more.
    fn bring(&self, record: OwnedRecord) -> bool {
        let mut way = self.way.lock();
        while way.bytes >= AHEAD_BYTES && !way.is_left {
            self.taken.wait(&mut way);
        }
        if way.is_left {
            return false;
        }
        way.bytes += weight(&record);
        way.records.push_back(record);
        let waker = way.waker.take();
        drop(way);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

/// Tells whoever waits that the thread ends, also where it panics.
struct Ending<'s> {
    shared: &'s Shared,
    path: PathBuf,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut way = self.shared.way.lock();
        if way.end.is_none() {
            let source = std::io::Error::other("the thread that does it panicked");
            way.end = Some(Err(Error::of_io("follow", self.path.clone(), source)));
        }
        let waker = way.waker.take();
        drop(way);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What a record counts for.
fn weight(record: &OwnedRecord) -> usize {
    size_of::<OwnedRecord>() + record.payload().len()
}

impl FollowerStream {
    /// The next record; where there is none yet, the task is woken when there is. It is one task's:
    /// whoever polled last is woken. Nothing behind its end.
    pub fn poll_record(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<OwnedRecord>>> {
        let mut way = self.shared.way.lock();
        if let Some(record) = way.records.pop_front() {
            way.bytes -= weight(&record);
            drop(way);
            self.shared.taken.notify_one();
            return Poll::Ready(Some(Ok(record)));
        }
        let Some(end) = way.end.take() else {
            way.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        way.end = Some(Ok(()));
        Poll::Ready(end.err().map(Err))
    }

    /// What ends it from another thread. What was read ahead is still delivered.
    #[must_use]
    pub fn stopper(&self) -> FollowerStop {
        self.stop.clone()
    }
}

impl Drop for FollowerStream {
    fn drop(&mut self) {
        self.shared.way.lock().is_left = true;
        self.shared.taken.notify_one();
        self.stop.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that followed a log panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::log::{Log, ReadOptions};
    use crate::sync::waker_of_this_thread;
    use crate::types::{Record, RecordKind, Scope};
    use crate::{Config, Lsn};

    /// A reader that is slow has no more than the bound and one record read ahead of it, and still
    /// gets everything once and in order.
    #[test]
    fn no_more_is_read_ahead_than_whoever_takes_it_allows() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::open(Config::new(directory.path()).segment_bytes(16 << 20)).unwrap();
        let payload = vec![7; 64 << 10];
        for _ in 0..64 {
            let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
            log.append(&record).unwrap();
        }
        log.close().unwrap();
        let follower = Follower::open(directory.path(), ReadOptions::from(Lsn::FIRST)).unwrap();
        let mut stream = follower.into_stream().unwrap();
        let waker = waker_of_this_thread();
        let mut context = Context::from_waker(&waker);
        let mut most = 0;
        for lsn in 1..=64 {
            let record = loop {
                match stream.poll_record(&mut context) {
                    Poll::Ready(record) => break record.unwrap().unwrap(),
                    Poll::Pending => thread::park(),
                }
            };
            assert_eq!(record.lsn(), Lsn::new(lsn));
            thread::yield_now();
            most = most.max(stream.shared.way.lock().bytes);
        }
        assert!(most < AHEAD_BYTES + (80 << 10), "{most}");
        stream.stopper().stop();
        loop {
            match stream.poll_record(&mut context) {
                Poll::Ready(record) => break assert!(record.is_none()),
                Poll::Pending => thread::park(),
            }
        }
    }
}
