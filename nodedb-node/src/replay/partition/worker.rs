//! A worker: takes parcels from its queue and gives them to its sink.

use super::crew::Crew;
use crate::replay::ReplaySink;

/// Sees to it that nobody waits for a worker that has gone down.
struct StopWhenPanicking<'c>(&'c Crew);

impl Drop for StopWhenPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Works until no more parcels come, or the replay has failed.
pub(super) fn work<S: ReplaySink>(crew: &Crew, number: usize, sink: &mut S) {
    let _stop = StopWhenPanicking(crew);
    let queue = &crew.queues[number];
    while let Some(parcel) = queue.pop() {
        let delivered = parcel.deliver(sink, || queue.is_stopped());
        queue.done(parcel);
        if let Err(error) = delivered {
            crew.fail(error);
            return;
        }
    }
}
