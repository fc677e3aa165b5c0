//! Who waits for a write, and who is woken when it ends.
//!
//! Waiters sleep in two groups: those whose records are in the write on its way, and those whose
//! records fill the next. When the write ends, all of the first group are woken at once by one
//! system call, and one of the second: it does the next write. Everybody sleeps once and is woken
//! once. Where somebody does two writes in a row, those who wait for the first are woken between.

use crate::sync::Futex;

/// Sleeping committers, by the parity of the write they wait for.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    groups: [Group; 2],
}

/// Who went to sleep since the disk was last given back. Guarded by the log's lock.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    /// Their records are in the write that was cut last.
    of_last: u64,
    /// Their records fill the next one.
    of_next: u64,
}

impl Sleepers {
    pub(crate) fn count(&self) -> u64 {
        self.of_last + self.of_next
    }

    pub(crate) fn add(&mut self, is_on_its_way: bool) {
        if is_on_its_way {
            self.of_last += 1;
        } else {
            self.of_next += 1;
        }
    }

    /// Takes in that the next write is cut now; whether somebody waits for the one before.
    pub(crate) fn pass_on(&mut self) -> bool {
        let of_before = std::mem::replace(&mut self.of_last, self.of_next);
        self.of_next = 0;
        of_before > 0
    }
}

/// One group. Padded, so that the groups do not share a cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Group {
    /// Counts the ends of writes: a sleeper that saw another number does not go to sleep.
    round: Futex,
}

/// A place to wait, taken under the log's lock. Whatever happens after that wakes the waiter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    group: usize,
    round: u32,
}

impl Waiters {
    /// A place in the group of write number `write`. Taken under the log's lock, while the disk is
    /// busy.
    pub(crate) fn ticket(&self, write: u64) -> Ticket {
        let group = parity(write);
        let round = self.groups[group].round.load();
        Ticket { group, round }
    }

    /// Sleeps until the disk is free again, or for no reason: the caller looks again.
    pub(crate) fn sleep(&self, ticket: Ticket) {
        self.groups[ticket.group].round.wait_while(ticket.round);
    }

    /// Takes in, under the log's lock, that the disk is free again: no ticket taken before holds any
    /// longer.
    pub(crate) fn end_round(&self) {
        for group in &self.groups {
            group.round.add_one();
        }
    }

    /// After [`Self::end_round`], without the lock: wakes one who waits for the write after number
    /// `write`, to do it, and everybody who waited for `write`.
    pub(crate) fn wake_after(&self, write: u64) {
        self.groups[parity(write + 1)].round.wake_one();
        self.groups[parity(write)].round.wake_all();
    }

    /// Under the log's lock, where one writes twice before the disk is given back: wakes everybody who
    /// waits for write number `write`, whose group the next but one will have.
    pub(crate) fn wake_before_next(&self, write: u64) {
        let round = &self.groups[parity(write)].round;
        round.add_one();
        round.wake_all();
    }

    /// Wakes everybody: the log takes no more calls.
    pub(crate) fn wake_everybody(&self) {
        for group in &self.groups {
            group.round.wake_all();
        }
    }
}

fn parity(write: u64) -> usize {
    usize::from(write % 2 == 1)
}
