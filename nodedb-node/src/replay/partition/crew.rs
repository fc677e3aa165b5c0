//! The workers of a partitioned replay: started, told when it is over, and asked how it went.

use std::thread;

use parking_lot::Mutex;

use super::handout::Handout;
use super::queue::Queue;
use super::worker::work;
use crate::error::{Error, Result};
use crate::replay::{Replay, ReplayReport, ReplaySink};

/// How many bytes may wait for workers, where nobody says otherwise.
const QUEUE_BYTES: usize = 16 << 20;

/// How a replay is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    queue_bytes: usize,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            queue_bytes: QUEUE_BYTES,
        }
    }
}

impl Workers {
    /// As it comes: 16 MiB may wait for the workers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes of records may wait for all workers together, each having an equal part of
    /// it; a single parcel that is larger (64 KiB, or as much as one record takes) passes all the
    /// same. The stream waits while a worker's part is full.
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }
}

/// What the workers of one replay share.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) queues: Vec<Queue>,
    /// The first error of a worker.
    failure: Mutex<Option<Error>>,
}

impl Crew {
    pub(super) fn new(workers: usize, queue_bytes: usize) -> Self {
        let each = queue_bytes / workers.max(1);
        Self {
            queues: (0..workers).map(|_| Queue::new(each)).collect(),
            failure: Mutex::default(),
        }
    }

    /// A worker failed: it is over for all of them. The first error is the one that is kept.
    pub(super) fn fail(&self, error: Error) {
        self.failure.lock().get_or_insert(error);
        self.stop();
    }

    pub(super) fn stop(&self) {
        self.queues.iter().for_each(Queue::stop);
    }

    fn close(&self) {
        self.queues.iter().for_each(Queue::close);
    }

    fn high(&self) -> u64 {
        self.queues.iter().map(|queue| queue.high() as u64).sum()
    }
}

/// Tells the workers that nothing more comes, also when the stream goes down.
struct CloseWhenDropped<'c>(&'c Crew);

impl Drop for CloseWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Replay<'_> {
    /// Delivers the plan's records to `sinks`, each on a thread of its own, up to the last one that
    /// was durable when it began. A data record goes to the sink with the number of its vshard,
    /// modulo how many there are; a control record goes to every sink, at its place in the order of
    /// the log. See the head of this folder for what is promised of the order.
    ///
    /// # Errors
    ///
    /// As [`Self::run`]. When a sink fails, the others stop where they are, and its error is the one
    /// reported; what the stream itself fails with is reported once the sinks have what came before.
    /// [`Error::NoSinks`] when there is none.
    pub fn run_partitioned<S>(self, sinks: &mut [S], workers: Workers) -> Result<ReplayReport>
    where
        S: ReplaySink + Send,
    {
        if sinks.is_empty() {
            return Err(Error::NoSinks);
        }
        let crew = Crew::new(sinks.len(), workers.queue_bytes);
        let streamed = thread::scope(|scope| {
            for (number, sink) in sinks.iter_mut().enumerate() {
                let crew = &crew;
                scope.spawn(move || work(crew, number, sink));
            }
            let _close = CloseWhenDropped(&crew);
            self.run_into(&mut Handout::new(&crew))
        });
        if let Some(error) = crew.failure.lock().take() {
            return Err(error);
        }
        let mut report = streamed?;
        report.queued_bytes_max = crew.high();
        Ok(report)
    }
}
