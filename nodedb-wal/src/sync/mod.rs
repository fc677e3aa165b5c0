//! What threads of the log wait for each other with. With the feature `interleave` the same names are
//! those of a scheduler that tries interleavings; the code above does not see the difference.

#[cfg(not(feature = "interleave"))]
mod futex;
#[cfg(feature = "interleave")]
mod interleaved;
mod unpark;

pub(crate) use unpark::waker_of_this_thread;

#[cfg(feature = "interleave")]
pub use interleaved::{Planted, plant};
#[cfg(not(feature = "interleave"))]
pub(crate) use {
    futex::Futex,
    parking_lot::{Condvar, Mutex, MutexGuard, RwLock},
    std::sync::atomic::AtomicU64,
    std::sync::mpsc,
    std::thread::{Builder as ThreadBuilder, JoinHandle, yield_now},
};
#[cfg(feature = "interleave")]
pub(crate) use {
    interleaved::{Condvar, Futex, Mutex, MutexGuard, RwLock},
    shuttle::sync::atomic::AtomicU64,
    shuttle::sync::mpsc,
    shuttle::thread::{Builder as ThreadBuilder, JoinHandle, yield_now},
};
