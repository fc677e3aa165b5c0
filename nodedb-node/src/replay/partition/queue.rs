//! The queue in front of a worker, bounded in bytes.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use super::parcel::Parcel;

/// Parcels on their way to one worker.
///
/// What a worker is busy with counts as queued until it is done, so that the bound is one on memory.
#[derive(Debug)]
pub(super) struct Queue {
    /// Held for a moment only, never while a sink is at work.
    state: Mutex<State>,
    changed: Condvar,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    parcels: VecDeque<Parcel>,
    /// Bytes of the parcels that wait and of the one that is being delivered.
    bytes: usize,
    /// The most there ever were.
    high: usize,
    is_closed: bool,
    is_stopped: bool,
}

/// The replay has failed elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;

impl Queue {
    /// An empty queue that holds `bytes_max` bytes, or one parcel if that is larger.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            bytes_max,
        }
    }

    /// Adds a parcel behind the others, and waits until there is room for it.
    pub(super) fn push(&self, parcel: Parcel) -> Result<(), Stopped> {
        let bytes = parcel.bytes();
        let mut state = self.state.lock();
        while !state.is_stopped && state.bytes > 0 && state.bytes + bytes > self.bytes_max {
            self.changed.wait(&mut state);
        }
        if state.is_stopped {
            return Err(Stopped);
        }
        state.bytes += bytes;
        state.high = state.high.max(state.bytes);
        state.parcels.push_back(parcel);
        self.changed.notify_all();
        Ok(())
    }

    /// The next parcel; waits for one. Nothing when no more will come, or the replay has failed. It
    /// counts until it is given back to [`Self::done`].
    pub(super) fn pop(&self) -> Option<Parcel> {
        let mut state = self.state.lock();
        loop {
            if state.is_stopped {
                return None;
            }
            if let Some(parcel) = state.parcels.pop_front() {
                return Some(parcel);
            }
            if state.is_closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// The parcel was delivered.
    pub(super) fn done(&self, parcel: Parcel) {
        let bytes = parcel.bytes();
        drop(parcel);
        self.state.lock().bytes -= bytes;
        self.changed.notify_all();
    }

    /// No more parcels will come.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// The replay has failed: whoever waits is told.
    pub(super) fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.changed.notify_all();
    }

    /// Whether the replay has failed.
    pub(super) fn is_stopped(&self) -> bool {
        self.state.lock().is_stopped
    }

    /// The most bytes there ever were in it.
    pub(super) fn high(&self) -> usize {
        self.state.lock().high
    }
}
