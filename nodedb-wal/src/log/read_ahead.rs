//! Reading ahead: the stretches of a plan are brought in and checked by threads of the reader's own
//! while it lends out those before, and are handed over in order.
//!
//! From the page cache, whoever has nothing else to do takes the next stretch, the reader too: it copies
//! and checks. From the disk, two threads bring in and the reader checks, so that the disk always has
//! something to do; they check too where they are as far ahead as they may be. Without a thread the
//! reader takes each stretch when it comes to it: the same steps, in an order that a seed repeats.
//! Threads are started by the first plan that is long enough, and end with the reader.

use std::collections::VecDeque;
use std::sync::Arc;

use super::read_filter::Picker;
use crate::segment::{Chunk, Source, Stretch};
use crate::sync::{Condvar, JoinHandle, Mutex, MutexGuard, ThreadBuilder};
use crate::types::Lsn;

/// How many stretches may be in memory besides the one that is lent out.
const AHEAD_CHUNKS: usize = 5;

/// How many bytes those may have; a longer one is brought in when it is its turn.
const AHEAD_BYTES: usize = 6 << 20;

/// A plan of fewer bytes is over before a thread has started.
const THREAD_PAYS_BYTES: usize = 2 << 20;

/// What is to be read of one segment.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    /// In order.
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) picker: Picker,
}

impl Plan {
    /// Brings in and checks a stretch; how many bytes were read.
    fn load(&self, at: usize, chunk: &mut Chunk) -> u64 {
        let mut picker = self.picker.clone();
        self.stretches.get(at).map_or(0, |stretch| {
            chunk.load(&self.source, stretch, picker.payloads(), |header| {
                picker.pick(header)
            })
        })
    }

    /// Brings in a stretch and leaves it unchecked; how many bytes were read.
    fn fetch(&self, at: usize, chunk: &mut Chunk) -> u64 {
        let stretch = self.stretches.get(at);
        stretch.map_or(0, |stretch| chunk.fetch(&self.source, stretch))
    }

    /// Checks a stretch that was brought in.
    fn check(&self, at: usize, chunk: &mut Chunk) {
        let mut picker = self.picker.clone();
        if let Some(stretch) = self.stretches.get(at) {
            chunk.check(&self.source, stretch, picker.payloads(), |header| {
                picker.pick(header)
            });
        }
    }

    fn is_past_cache(&self) -> bool {
        self.source.past_cache.is_some()
    }

    fn bytes(&self, at: usize) -> usize {
        self.stretches.get(at).map_or(0, Stretch::len)
    }

    pub(super) fn all_bytes(&self) -> usize {
        self.stretches.iter().map(Stretch::len).sum()
    }
}

/// The reader's end.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    may_start: bool,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for moments, never across I/O.
    state: Mutex<State>,
    /// A chunk is ready, there is room for another, there is a new plan, or all is over.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Arc<Plan>>,
    /// The stretch the reader comes to next. `slots` are those from here on that were begun.
    base: usize,
    slots: VecDeque<Slot>,
    free: Vec<Chunk>,
    bytes_read: u64,
    is_over: bool,
    is_thread_gone: bool,
}

#[derive(Debug)]
enum Slot {
    /// Somebody is at it.
    Begun,
    /// Brought in.
    Fetched(Chunk),
    /// And checked.
    Ready(Chunk),
}

impl Slot {
    fn into_chunk(self) -> Option<Chunk> {
        match self {
            Self::Fetched(chunk) | Self::Ready(chunk) => Some(chunk),
            Self::Begun => None,
        }
    }
}

impl ReadAhead {
    /// Nothing is read yet. No thread is ever started unless `allows_threads`.
    pub(crate) fn new(allows_threads: bool) -> Self {
        Self {
            shared: Arc::default(),
            threads: Vec::new(),
            may_start: allows_threads,
        }
    }

    /// Goes over to `plan`; what was brought in for another one is forgotten.
    pub(crate) fn begin(&mut self, plan: Plan) {
        if self.may_start && plan.all_bytes() >= THREAD_PAYS_BYTES {
            self.may_start = false;
            self.threads.extend(start_thread(&self.shared));
        }
        if plan.is_past_cache() && self.threads.len() == 1 {
            self.threads.extend(start_thread(&self.shared));
        }
        self.shared.state.lock().replace_plan(Some(Arc::new(plan)));
        self.shared.changed.notify_all();
    }

    /// Reads no more of the plan.
    pub(crate) fn abandon(&self) {
        self.shared.state.lock().replace_plan(None);
    }

    /// The chunk of the stretch that starts with record `first`, in place of `used`; `used` itself,
    /// empty, when the plan has no such stretch.
    pub(crate) fn take(&self, first: Lsn, mut used: Chunk) -> Result<Chunk, Chunk> {
        used.clear();
        let mut state = self.shared.state.lock();
        loop {
            let planned = state
                .plan
                .as_ref()
                .and_then(|plan| plan.stretches.get(state.base));
            let Some(planned) = planned.map(|stretch| stretch.first) else {
                return Err(used);
            };
            if planned > first {
                return Err(used);
            }
            if let Some(Slot::Ready(_)) = state.slots.front() {
                let chunk = state.pass();
                // Not for every chunk: waking the thread costs more than it waits for.
                if state.slots.len() <= AHEAD_CHUNKS / 2 {
                    self.shared.changed.notify_all();
                }
                match chunk {
                    Some(chunk) if planned == first => {
                        state.give_back(used);
                        return Ok(chunk);
                    }
                    chunk => state.give_back(chunk.unwrap_or_default()),
                }
            } else if state.slots.is_empty() && planned < first {
                state.base += 1;
            } else if !self.shared.help(&mut state, self.threads.is_empty()) {
                if state.is_thread_gone {
                    return Err(used);
                }
                self.shared.changed.wait(&mut state);
            }
        }
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.shared.state.lock().bytes_read
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.shared.state.lock().is_over = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that reads ahead panicked");
            }
        }
    }
}

/// Where there is one processor, or no thread to be had, the reader does without.
fn start_thread(shared: &Arc<Shared>) -> Option<JoinHandle<()>> {
    std::thread::available_parallelism()
        .ok()
        .filter(|processors| processors.get() > 1)?;
    let shared = Arc::clone(shared);
    let thread = ThreadBuilder::new().name("wal-read".to_owned());
    match thread.spawn(move || shared.run()) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::debug!(%error, "no thread to read ahead");
            None
        }
    }
}

impl Shared {
    /// The thread: brings in stretches until all is over.
    fn run(&self) {
        let _tells = TellsWhenGone(self);
        let mut state = self.state.lock();
        while !state.is_over {
            if !self.begin_next(&mut state, false) && !self.check_next(&mut state) {
                self.changed.wait(&mut state);
            }
        }
    }

    /// What the reader does while it waits; `false` when there is nothing to do. It does not wait for
    /// the disk while others do.
    fn help(&self, state: &mut MutexGuard<'_, State>, is_alone: bool) -> bool {
        let is_past_cache = state.plan.as_ref().is_some_and(|plan| plan.is_past_cache());
        self.check_next(state) || ((is_alone || !is_past_cache) && self.begin_next(state, is_alone))
    }

    /// Brings in the next stretch that nobody has begun, with the lock free meanwhile; `false` when
    /// there is none, or no room for it.
    fn begin_next(&self, state: &mut MutexGuard<'_, State>, is_alone: bool) -> bool {
        let Some((plan, at)) = state.next_job(is_alone) else {
            return false;
        };
        state.slots.push_back(Slot::Begun);
        let mut chunk = state.free.pop().unwrap_or_default();
        let (bytes, slot) = MutexGuard::unlocked(state, || {
            if plan.is_past_cache() && !is_alone {
                (plan.fetch(at, &mut chunk), Slot::Fetched(chunk))
            } else {
                (plan.load(at, &mut chunk), Slot::Ready(chunk))
            }
        });
        state.bytes_read += bytes;
        state.put(&plan, at, slot);
        self.changed.notify_all();
        true
    }

    /// Checks the next stretch that was brought in and not checked, with the lock free meanwhile; `false`
    /// when there is none.
    fn check_next(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let Some((plan, at, mut chunk)) = state.next_fetched() else {
            return false;
        };
        MutexGuard::unlocked(state, || plan.check(at, &mut chunk));
        state.put(&plan, at, Slot::Ready(chunk));
        self.changed.notify_all();
        true
    }
}

/// Lets the reader know when the thread ends, however it does.
struct TellsWhenGone<'a>(&'a Shared);

impl Drop for TellsWhenGone<'_> {
    fn drop(&mut self) {
        self.0.state.lock().is_thread_gone = true;
        self.0.changed.notify_all();
    }
}

impl State {
    /// The stretch to be begun next. Who is alone begins none before its turn.
    fn next_job(&self, is_alone: bool) -> Option<(Arc<Plan>, usize)> {
        let plan = self.plan.as_ref()?;
        let ahead = self.slots.len();
        let at = self.base + ahead;
        if at >= plan.stretches.len() {
            return None;
        }
        let bytes: usize = (self.base..=at).map(|at| plan.bytes(at)).sum();
        let has_room = !is_alone && ahead < AHEAD_CHUNKS && bytes <= AHEAD_BYTES;
        (ahead == 0 || has_room).then(|| (Arc::clone(plan), at))
    }

    /// The next stretch that was brought in and that nobody checks yet.
    fn next_fetched(&mut self) -> Option<(Arc<Plan>, usize, Chunk)> {
        let plan = self.plan.as_ref()?;
        let is_fetched = |slot: &Slot| matches!(slot, Slot::Fetched(_));
        let ahead = self.slots.iter().position(is_fetched)?;
        let slot = std::mem::replace(self.slots.get_mut(ahead)?, Slot::Begun);
        let chunk = slot.into_chunk()?;
        Some((Arc::clone(plan), self.base + ahead, chunk))
    }

    /// Puts a chunk in its place, unless nobody waits for it any more.
    fn put(&mut self, plan: &Arc<Plan>, at: usize, filled: Slot) {
        let is_current = self.plan.as_ref().is_some_and(|now| Arc::ptr_eq(now, plan));
        let slot = at.checked_sub(self.base).filter(|_| is_current);
        match slot.and_then(|slot| self.slots.get_mut(slot)) {
            Some(slot) => *slot = filled,
            None => self.give_back(filled.into_chunk().unwrap_or_default()),
        }
    }

    /// Goes past the next stretch; its chunk.
    fn pass(&mut self) -> Option<Chunk> {
        self.base += 1;
        self.slots.pop_front().and_then(Slot::into_chunk)
    }

    fn give_back(&mut self, chunk: Chunk) {
        if self.free.len() <= AHEAD_CHUNKS && !chunk.is_large() {
            self.free.push(chunk);
        }
    }

    fn replace_plan(&mut self, plan: Option<Arc<Plan>>) {
        self.plan = plan;
        self.base = 0;
        for slot in std::mem::take(&mut self.slots) {
            if let Some(chunk) = slot.into_chunk() {
                self.give_back(chunk);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_has_ended_when_the_reader_is_dropped() {
        let mut ahead = ReadAhead::new(true);
        ahead.threads.extend(start_thread(&ahead.shared));
        let shared = Arc::downgrade(&ahead.shared);
        drop(ahead);
        assert!(shared.upgrade().is_none(), "the thread holds it still");
    }
}
