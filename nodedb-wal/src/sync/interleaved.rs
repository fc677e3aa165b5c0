//! The locks of the scheduler `shuttle`, with the methods of those they stand in for. A thread may be
//! stopped at each of them, and whether the others are right then is what is tried.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

use shuttle::sync;

/// As `parking_lot::Mutex`.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T> {
    inner: sync::Mutex<T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            inner: sync::Mutex::new(value),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            lock: self,
            held: Some(self.acquire()),
        }
    }

    fn acquire(&self) -> sync::MutexGuard<'_, T> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As `parking_lot::MutexGuard`.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    /// Not there only while [`Self::unlocked`] runs, or a condition is waited for.
    held: Option<sync::MutexGuard<'a, T>>,
}

const HELD: &str = "the guard is in use, so the lock is held";

impl<T> MutexGuard<'_, T> {
    pub(crate) fn unlocked<U>(guard: &mut Self, run: impl FnOnce() -> U) -> U {
        drop(guard.held.take());
        let value = run();
        guard.held = Some(guard.lock.acquire());
        value
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[expect(clippy::expect_used, reason = "an invariant of this file")]
    fn deref(&self) -> &T {
        self.held.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[expect(clippy::expect_used, reason = "an invariant of this file")]
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect(HELD)
    }
}

/// As `parking_lot::Condvar`.
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    inner: sync::Condvar,
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(held) = guard.held.take() {
            let held = self.inner.wait(held);
            guard.held = Some(held.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Time does not pass under the scheduler: only a notification ends the wait. Whether it timed
    /// out.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _time: Duration) -> bool {
        self.wait(guard);
        false
    }

    pub(crate) fn notify_one(&self) {
        self.inner.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.inner.notify_all();
    }
}

/// As `parking_lot::RwLock`.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T> {
    inner: sync::RwLock<T>,
}

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            inner: sync::RwLock::new(value),
        }
    }

    pub(crate) fn read(&self) -> sync::RwLockReadGuard<'_, T> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the real one: looking at the value and going to sleep is one step.
#[derive(Debug, Default)]
pub(crate) struct Futex {
    value: Mutex<u32>,
    woken: Condvar,
}

impl Futex {
    pub(crate) fn load(&self) -> u32 {
        *self.value.lock()
    }

    pub(crate) fn add_one(&self) {
        let mut value = self.value.lock();
        *value = value.wrapping_add(1);
    }

    pub(crate) fn wait_while(&self, seen: u32) {
        let mut value = self.value.lock();
        if *value == seen || PLANTED.get() == Planted::SleepsWithoutLooking {
            self.woken.wait(&mut value);
        }
    }

    pub(crate) fn wake_one(&self) {
        if PLANTED.get() != Planted::WakesNobody {
            self.woken.notify_one();
        }
    }

    pub(crate) fn wake_all(&self) {
        self.woken.notify_all();
    }
}

/// A bug of the futex that the suite must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// None.
    Nothing,
    /// A thread goes to sleep although the value changed since it looked.
    SleepsWithoutLooking,
    /// Of those who wait for the next write, nobody is woken to do it.
    WakesNobody,
}

thread_local! {
    /// The scheduler runs all threads of a case on one thread of the kernel.
    static PLANTED: Cell<Planted> = const { Cell::new(Planted::Nothing) };
}

/// Plants a bug for the cases that this thread runs.
pub fn plant(bug: Planted) {
    PLANTED.set(bug);
}
