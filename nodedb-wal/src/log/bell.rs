//! What tells somebody above the log that there may be something to do: a new segment was started,
//! or whoever shares the bell rang it. Whoever waits sleeps; nobody polls.

use std::time::Duration;

use crate::sync::{Condvar, Mutex};

/// Counts rings, so that none is missed: whoever waits says which it has seen.
#[derive(Debug, Default)]
pub struct Bell {
    /// Taken for a moment to ring or to look; under the log's lock by a rotation, never around it.
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Rings: whoever waits is woken.
    pub fn ring(&self) {
        *self.rings.lock() += 1;
        self.rung.notify_all();
    }

    /// How often it rang.
    #[must_use]
    pub fn rings(&self) -> u64 {
        *self.rings.lock()
    }

    /// Sleeps until it rang more often than `seen` times, or for `at_most`; for ever where that is
    /// `None`. Gives back how often it rang.
    #[must_use]
    pub fn wait_past(&self, seen: u64, at_most: Option<Duration>) -> u64 {
        let mut rings = self.rings.lock();
        while *rings <= seen {
            match at_most {
                None => self.rung.wait(&mut rings),
                Some(time) => {
                    // Woken early, late or by the clock: the caller looks what there is to do.
                    let _timed_out = self.rung.wait_for(&mut rings, time);
                    break;
                }
            }
        }
        *rings
    }
}

#[cfg(all(test, not(feature = "interleave")))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_ring_between_looking_and_waiting_is_not_missed() {
        let bell = Bell::default();
        bell.ring();
        assert_eq!(bell.wait_past(0, None), 1);
        assert_eq!(bell.wait_past(1, Some(Duration::from_millis(1))), 1);
    }

    #[test]
    fn whoever_waits_is_woken() {
        let bell = Arc::new(Bell::default());
        let waiting = {
            let bell = Arc::clone(&bell);
            std::thread::spawn(move || bell.wait_past(0, None))
        };
        bell.ring();
        assert_eq!(waiting.join().ok(), Some(1));
    }
}
