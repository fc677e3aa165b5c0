//! What the sweeps together did to the log, and what it said.

use nodedb_wal::storage::sim::FaultKind;

use crate::settings::is_usual;
use crate::{io_errors, ruin, sweep};

#[test]
fn what_was_injected_and_answered_is_told() {
    let mut ledger = sweep::ledger();
    ledger.add(&io_errors::ledger());
    ledger.add(&ruin::ledger());
    println!("{ledger}");
    println!(
        "{} ends of a run, {} more in recovery",
        ledger.cycles, ledger.in_recovery
    );
    if is_usual() {
        assert!(ledger.cycles >= 100_000);
        for &kind in FaultKind::ALL {
            assert!(ledger.injected(kind) > 0, "{kind:?} was never injected");
        }
    }
}
