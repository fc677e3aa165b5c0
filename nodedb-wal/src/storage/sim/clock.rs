//! The simulated wall clock: it moves a little with every operation and wherever a test sends it.

use std::time::Duration;

use crate::types::Timestamp;

/// Where every simulated clock starts: some time in September 2020.
const START_NANOS: i64 = 1_600_000_000_000_000_000;

/// How far an operation moves it unless told otherwise.
const STEP_NANOS: i64 = 1_000;

#[derive(Clone, Debug)]
pub(super) struct Clock {
    nanos: i64,
    step_nanos: i64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            nanos: START_NANOS,
            step_nanos: STEP_NANOS,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos)
    }

    pub(super) fn set(&mut self, now: Timestamp) {
        self.nanos = now.as_nanos();
    }

    pub(super) fn set_step(&mut self, step: Duration) {
        self.step_nanos = nanos(step);
    }

    /// An operation went by.
    pub(super) fn step(&mut self) {
        self.jump(self.step_nanos);
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.jump(nanos(by));
    }

    /// Forward or back.
    pub(super) fn jump(&mut self, nanos: i64) {
        self.nanos = self.nanos.saturating_add(nanos);
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_where_it_is_sent() {
        let mut clock = Clock::new();
        clock.set(Timestamp::from_nanos(50));
        clock.step();
        assert_eq!(clock.now(), Timestamp::from_nanos(50 + STEP_NANOS));
        clock.set_step(Duration::from_nanos(7));
        clock.set(Timestamp::from_nanos(50));
        clock.step();
        clock.advance(Duration::from_nanos(3));
        assert_eq!(clock.now(), Timestamp::from_nanos(60));
        clock.jump(-100);
        assert_eq!(clock.now(), Timestamp::from_nanos(-40));
        clock.set(Timestamp::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
