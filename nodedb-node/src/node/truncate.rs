//! Truncation that nobody's records fall to: up to the lowest hold, and only once the catalog holds
//! what the records that go have said.

use nodedb_wal::Truncated;
use nodedb_wal::types::Lsn;

use super::Node;
use crate::control::Holds;
use crate::error::Result;

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

impl Node {
    /// Retires the segments that no hold needs. First the catalog takes in, for good, what control
    /// records have said up to now; then segments go; then the catalog forgets what hid only
    /// records in them. After a crash in between, calling it again finishes the job.
    ///
    /// # Errors
    ///
    /// As [`Catalog::fold`](crate::catalog::Catalog::fold) and
    /// [`WalManager::truncate_before`](crate::WalManager::truncate_before).
    pub fn truncate_to_holds(&self) -> Result<Truncation> {
        let state = self.control_state()?;
        let (held_by, needs) = match allowed(&state.holds) {
            Allowed::Before(name, needs) => (name.to_owned(), needs),
            Allowed::NothingYet(hold) => {
                let hold = hold.to_owned();
                return Ok(Truncation::Unknown { hold });
            }
            Allowed::Nothing => return Ok(Truncation::NoHold),
        };
        // What goes from the log is vouched for in what stays.
        self.seal_audit()?;
        let before = needs.min(self.catalog().applied().next());
        let truncated = self.wal().truncate_before(before)?;
        self.catalog().forget_before(truncated.start_lsn)?;
        Ok(Truncation::Done { truncated, held_by })
    }
}
