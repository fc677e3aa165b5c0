//! The audit trail: every control record there ever was, for people and schedulers. It is listed
//! without reading data records, resumed from an LSN, and checked by a chain of digests.
//!
//! The trail is in the catalog, which has it also for segments that are gone, and in the log, which
//! has what the catalog has not seen yet. Each checks the other.

mod calvin_seals;
mod filter;
mod purges;
mod recent;
mod sides;
#[cfg(test)]
mod tests;
mod time;
mod trail;
mod verify;

pub use calvin_seals::calvin_seals;
pub use filter::AuditFilter;
pub use purges::{Purge, Purges, purges};
pub use time::{LsnAtTime, LsnPlace, TimeOfLsn, TimePlace, WallClock, lsn_at_time, time_of_lsn};
pub use trail::AuditTrail;
pub use verify::{AuditFault, AuditFinding, AuditPlace, AuditReport, verify};
