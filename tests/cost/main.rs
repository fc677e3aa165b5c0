//! What calls cost, in operations of the disk, bytes, allocations, looks at the clock and threads.
//! Nothing here is timed: a number that is too high is a mistake on any machine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod commit;
mod read;

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Config, Log, Record, RecordKind, Scope};

/// A log on a simulated disk, where the caller does everything, so that nothing goes uncounted.
fn log_on(disk: &SimDisk, segment_bytes: u64) -> Log {
    Log::open(Config::on(disk.storage()).segment_bytes(segment_bytes)).unwrap()
}

fn row(payload: &[u8]) -> Record<'_> {
    Record::raw(RecordKind::Put, Scope::default(), payload)
}
