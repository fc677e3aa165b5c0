//! Truncation that nobody's records fall to: up to the lowest hold, and only once the catalog holds
//! what the records that go have said.

use std::time::{Duration, Instant};

use nodedb_wal::Truncated;
use nodedb_wal::types::Lsn;

use super::{Node, Retained, Stalled};
use crate::control::Holds;
use crate::error::{Error, Result};
use crate::tenants::{Amount, SegmentUsage};

/// What a truncation to the holds came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Truncation {
    /// Segments went, or there were none to go.
    Done {
        /// What went.
        truncated: Truncated,
        /// The hold that keeps the rest.
        held_by: String,
    },
    /// Nothing went: this hold has not said what it needs.
    Unknown {
        /// The hold's name.
        hold: String,
    },
    /// Nothing went: there is no hold, so nobody said that anything may go.
    NoHold,
}

/// What [`Node::tend`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tended {
    /// What truncation came to; nothing when none was due.
    pub truncation: Option<Truncation>,
    /// What keeps the log larger than it should be; nothing when it is not.
    pub over: Option<Retained>,
    /// The consumers that are further behind than they may be, and those of them that were dropped
    /// for that.
    pub stalled: Vec<Stalled>,
}

/// What the holds allow.
enum Allowed<'h> {
    Before(&'h str, Lsn),
    NothingYet(&'h str),
    Nothing,
}

fn allowed(holds: &Holds) -> Allowed<'_> {
    if let Some(name) = holds.unknown() {
        return Allowed::NothingYet(name);
    }
    match holds.lowest() {
        Some((name, needs)) => Allowed::Before(name, needs),
        None => Allowed::Nothing,
    }
}

/// Whether to look what can go: a hold moved, the log is too large, or it is time; and once at the
/// start, for what was left undone.
fn is_due(
    moved: bool,
    is_over: bool,
    since_last: Option<Duration>,
    every: Option<Duration>,
) -> bool {
    let is_time = match (since_last, every) {
        (None, _) => true,
        (Some(passed), Some(every)) => passed >= every,
        (Some(_), None) => false,
    };
    moved || is_over || is_time
}

impl Node {
    /// Retires the segments that no hold needs. First the catalog takes in, for good, what control
    /// records have said up to now; then segments go; then the catalog forgets what hid only
    /// records in them. After a crash in between, calling it again finishes the job. The newest
    /// segment never goes.
    ///
    /// # Errors
    ///
    /// As [`Catalog::fold`](crate::catalog::Catalog::fold) and
    /// [`WalManager::truncate_before`](crate::WalManager::truncate_before).
    pub fn truncate_to_holds(&self) -> Result<Truncation> {
        let mut last = self.gate().enter();
        self.gate().set_moved(false);
        self.consumers_service().set_moved(false);
        let done = self.truncate_in_gate();
        match &done {
            Ok(_) => *last = Some(Instant::now()),
            // What was due still is.
            Err(_) => self.gate().set_moved(true),
        }
        done
    }

    /// Retires every segment whose records are all before `before`, as [`Self::truncate_to_holds`]
    /// does: for whoever knows that nobody needs them, holds or none.
    ///
    /// # Errors
    ///
    /// [`Error::Held`]: a hold needs one of them, or has not said what it needs. Nothing goes then.
    /// [`NotAppended`](nodedb_wal::Error::NotAppended): past the next record. Otherwise as
    /// [`Self::truncate_to_holds`].
    pub fn truncate_before(&self, before: Lsn) -> Result<Truncated> {
        let gate = self.gate().enter();
        let still = self.consumers_service().hold_still();
        self.write_cursors()?;
        let holds = self.holds()?;
        let held_by = match allowed(&holds) {
            Allowed::Before(name, needs) if needs < before => Some((name, Some(needs))),
            Allowed::NothingYet(name) => Some((name, None)),
            Allowed::Before(..) | Allowed::Nothing => None,
        };
        if let Some((hold, needs)) = held_by {
            let hold = hold.to_owned();
            return Err(Error::Held {
                hold,
                needs,
                before,
            });
        }
        let next = self.wal().next_lsn();
        if before > next {
            return Err(nodedb_wal::Error::NotAppended { lsn: before, next }.into());
        }
        let truncated = self.drop_before(before)?;
        drop((still, gate));
        Ok(truncated)
    }

    fn truncate_in_gate(&self) -> Result<Truncation> {
        let still = self.consumers_service().hold_still();
        self.write_cursors()?;
        let holds = self.holds()?;
        let (held_by, needs) = match allowed(&holds) {
            Allowed::Before(name, needs) => (name.to_owned(), needs),
            Allowed::NothingYet(hold) => {
                let hold = hold.to_owned();
                return Ok(Truncation::Unknown { hold });
            }
            Allowed::Nothing => return Ok(Truncation::NoHold),
        };
        let truncated = self.drop_before(needs)?;
        drop(still);
        Ok(Truncation::Done { truncated, held_by })
    }

    /// Drops what is before `before`, but nothing the catalog has not taken in for good: what control
    /// records said, and whose the records were.
    fn drop_before(&self, before: Lsn) -> Result<Truncated> {
        // What goes from the log is vouched for in what stays.
        self.seal_audit()?;
        let before = before.min(self.catalog().applied().next());
        let extents = self.wal().extents();
        let firsts = extents.iter().map(|extent| extent.first_lsn);
        // Where the log will start: what is counted is what goes.
        let start = firsts.filter(|first| *first <= before).max();
        let start = start.unwrap_or_else(|| self.wal().start_lsn());
        let going = self.segment_usages(start)?;
        let going: Vec<SegmentUsage> = going.iter().map(|usage| (**usage).clone()).collect();
        if !going.is_empty() {
            self.catalog().count_gone(&going, start)?;
        }
        let truncated = self.wal().truncate_before(start)?;
        self.catalog().forget_before(truncated.start_lsn)?;
        let limiter = self.wal().limiter();
        for usage in going {
            for scope in usage.scopes {
                limiter.dropped(scope.tenant, Amount::from(scope).bytes());
            }
        }
        Ok(truncated)
    }

    /// Does what is due: looks which consumers are further behind than they may be, and drops those
    /// that are to be dropped then; truncates to the holds when one of them moved, when the log is larger than
    /// [`Retention::retained_bytes_max`](crate::Retention), or when
    /// [`Retention::every`](crate::Retention) has passed; and says what keeps a log that is still
    /// too large. Cheap when nothing is due. A [`Keeper`](crate::Keeper) calls it when there may be
    /// something to do.
    ///
    /// # Errors
    ///
    /// As [`Self::truncate_to_holds`].
    pub fn tend(&self) -> Result<Tended> {
        let retention = self.retention();
        let is_over = |node: &Self| {
            let max = retention.retained_bytes_max;
            max.is_some_and(|max| node.wal().total_size_bytes() > max)
        };
        let since_last = self.gate().enter().map(|last| last.elapsed());
        let mut tended = Tended {
            stalled: self.tend_consumers()?,
            ..Tended::default()
        };
        let moved = self.gate().has_moved() || self.consumers_service().has_moved();
        if is_due(moved, is_over(self), since_last, retention.every) {
            tended.truncation = Some(self.truncate_to_holds()?);
        }
        if is_over(self) {
            tended.over = Some(self.retained()?);
        }
        Ok(tended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_is_due_when_a_hold_moved_when_it_is_time_or_when_the_log_is_large() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        // Moved, too large, since the last one, every; due.
        let table = [
            (false, false, None, None, true),
            (false, false, Some(second), None, false),
            (true, false, Some(second), None, true),
            (false, true, Some(second), None, true),
            (false, false, Some(second), Some(minute), false),
            (false, false, Some(minute), Some(minute), true),
            (false, false, None, Some(minute), true),
        ];
        for (moved, over, since, every, expected) in table {
            let found = is_due(moved, over, since, every);
            assert_eq!(found, expected, "{moved} {over} {since:?} {every:?}");
        }
    }
}
