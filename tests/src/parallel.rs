//! The same work for many things, on every core. It knows nothing of the work.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

/// Does `work` for each of `things`, and gives what came of it to `add`, in any order. Stops at the
/// first error.
///
/// # Errors
///
/// The first of `work`.
pub fn each<T, A: Send, E: Send>(
    things: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> Result<A, E> + Sync,
    add: impl FnMut(A) + Send,
) -> Result<(), E> {
    let things = Mutex::new(things.fuse());
    let (add, failed) = (Mutex::new(add), Mutex::new(None));
    let run = || {
        loop {
            let thing = lock(&things).next();
            let Some(thing) = thing else { return };
            if lock(&failed).is_some() {
                return;
            }
            match work(thing) {
                Ok(done) => lock(&add)(done),
                Err(error) => {
                    lock(&failed).get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|threads| {
        let others = std::thread::available_parallelism().map_or(1, NonZero::get) - 1;
        for _ in 0..others {
            threads.spawn(run);
        }
        run();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once() {
        let mut sum = 0;
        each(1..=1000_u64, Ok::<_, ()>, |done| sum += done).unwrap();
        assert_eq!(sum, 500_500);
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut done = 0;
        let work = |at| if at == 50 { Err(at) } else { Ok(at) };
        assert_eq!(each(0..u64::MAX, work, |_| done += 1), Err(50));
        assert!(done >= 49, "{done}");
    }
}
