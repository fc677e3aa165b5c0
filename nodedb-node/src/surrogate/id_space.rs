//! Which ids of a database are used up, set aside and free. Pure: it decides and logs nothing.

use super::id::{Surrogate, SurrogateRun};

/// The ids of one database. Those up to the high-watermark are used up, but for the run that this
/// process has set aside and not handed out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdSpace {
    /// The highest id that was set aside; 0 when none was.
    high_watermark: u32,
    /// The next id to hand out and the last one of its run.
    run: Option<(u32, u32)>,
}

/// Every id was handed out or set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl IdSpace {
    /// The ids of a database whose records speak of ids up to `high_watermark`. What an earlier
    /// process set aside and did not hand out counts as used up.
    pub(super) fn after(high_watermark: Option<u32>) -> Self {
        Self {
            high_watermark: high_watermark.unwrap_or(0),
            run: None,
        }
    }

    pub(super) fn high_watermark(&self) -> Option<Surrogate> {
        (self.high_watermark > 0).then(|| Surrogate::new(self.high_watermark))
    }

    /// An id of the run that is set aside; nothing when none is left.
    pub(super) fn take(&mut self) -> Option<Surrogate> {
        let (next, last) = self.run?;
        self.run = (next < last).then(|| (next + 1, last));
        Some(Surrogate::new(next))
    }

    /// Takes an id back that nothing was bound to. Only the one that was taken last can come back;
    /// others are used up.
    pub(super) fn put_back(&mut self, id: Surrogate) {
        let id = id.value();
        match self.run {
            Some((next, last)) if id + 1 == next => self.run = Some((id, last)),
            None if id == self.high_watermark => self.run = Some((id, id)),
            _ => {}
        }
    }

    /// The next `count` ids, all of them; nothing is set aside by that.
    pub(super) fn plan_exactly(&self, count: u32) -> Result<SurrogateRun, Exhausted> {
        let last = self.high_watermark.checked_add(count).ok_or(Exhausted)?;
        if count == 0 {
            return Err(Exhausted);
        }
        Ok(SurrogateRun {
            first: Surrogate::new(self.high_watermark + 1),
            last: Surrogate::new(last),
        })
    }

    /// The next `count` ids, or as many as there still are; nothing is set aside by that.
    pub(super) fn plan_up_to(&self, count: u32) -> Result<SurrogateRun, Exhausted> {
        self.plan_exactly(count.min(u32::MAX - self.high_watermark))
    }

    /// Notes that a planned run is in the log. Its ids belong to whoever planned it.
    pub(super) fn use_up(&mut self, run: SurrogateRun) {
        self.high_watermark = self.high_watermark.max(run.last.value());
    }

    /// Notes that a planned run is in the log, to be handed out one by one.
    pub(super) fn set_aside(&mut self, run: SurrogateRun) {
        self.use_up(run);
        self.run = Some((run.first.value(), run.last.value()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u32, last: u32) -> SurrogateRun {
        SurrogateRun {
            first: Surrogate::new(first),
            last: Surrogate::new(last),
        }
    }

    #[test]
    fn ids_start_at_one_and_come_in_order_without_a_gap() {
        let mut space = IdSpace::after(None);
        assert_eq!((space.high_watermark(), space.take()), (None, None));
        let first = space.plan_up_to(3).unwrap();
        assert_eq!((first, first.count()), (run(1, 3), 3));
        space.set_aside(first);
        let taken: Vec<u32> = std::iter::from_fn(|| space.take().map(Surrogate::value)).collect();
        assert_eq!(taken, [1, 2, 3]);
        assert_eq!(space.plan_up_to(3), Ok(run(4, 6)));
    }

    #[test]
    fn what_was_set_aside_before_a_crash_is_used_up() {
        let mut space = IdSpace::after(Some(1_024));
        assert_eq!(space.take(), None);
        assert_eq!(space.plan_up_to(1_024), Ok(run(1_025, 2_048)));
    }

    #[test]
    fn a_run_of_a_callers_own_stays_clear_of_the_one_that_is_set_aside() {
        let mut space = IdSpace::after(None);
        space.set_aside(run(1, 10));
        let own = space.plan_exactly(5).unwrap();
        space.use_up(own);
        assert_eq!(own, run(11, 15));
        assert_eq!(space.take(), Some(Surrogate::FIRST));
        assert_eq!(space.plan_up_to(1), Ok(run(16, 16)));
    }

    #[test]
    fn only_the_last_id_comes_back() {
        let mut space = IdSpace::after(None);
        space.set_aside(run(1, 3));
        let [a, b] = [space.take().unwrap(), space.take().unwrap()];
        space.put_back(a);
        assert_eq!(space.take(), Some(Surrogate::new(3)));
        space.put_back(Surrogate::new(3));
        assert_eq!(space.take(), Some(Surrogate::new(3)));
        space.put_back(b);
        assert_eq!(space.take(), None);
    }

    #[test]
    fn the_end_of_the_numbers_is_an_end_and_no_wrap() {
        let mut space = IdSpace::after(Some(u32::MAX - 2));
        assert_eq!(space.plan_exactly(3), Err(Exhausted));
        assert_eq!(space.plan_exactly(0), Err(Exhausted));
        let last = space.plan_up_to(1_024).unwrap();
        assert_eq!(last, run(u32::MAX - 1, u32::MAX));
        space.set_aside(last);
        assert_eq!(space.take(), Some(Surrogate::new(u32::MAX - 1)));
        assert_eq!(space.take(), Some(Surrogate::MAX));
        assert_eq!(space.take(), None);
        assert_eq!(space.plan_up_to(1_024), Err(Exhausted));
        assert_eq!(IdSpace::after(Some(u32::MAX)).plan_up_to(1), Err(Exhausted));
    }
}
