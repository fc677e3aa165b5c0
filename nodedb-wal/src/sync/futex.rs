//! A number that can be waited on. The only user of `atomic-wait`.

use std::sync::atomic::{AtomicU32, Ordering};

/// A counter; whoever saw a value may sleep until there is another.
#[derive(Debug, Default)]
pub(crate) struct Futex {
    value: AtomicU32,
}

impl Futex {
    pub(crate) fn load(&self) -> u32 {
        self.value.load(Ordering::Relaxed)
    }

    /// Counts on. Wakes nobody.
    pub(crate) fn add_one(&self) {
        self.value.fetch_add(1, Ordering::Relaxed);
    }

    /// Sleeps until woken, or for no reason; not at all when the value is another than `seen`.
    pub(crate) fn wait_while(&self, seen: u32) {
        atomic_wait::wait(&self.value, seen);
    }

    pub(crate) fn wake_one(&self) {
        atomic_wait::wake_one(&self.value);
    }

    pub(crate) fn wake_all(&self) {
        atomic_wait::wake_all(&self.value);
    }
}
