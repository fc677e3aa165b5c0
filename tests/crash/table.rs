//! What the sweeps together did to the log, and what it said.

use crate::settings::is_usual;
use crate::{io_errors, sweep};

#[test]
fn what_was_injected_and_answered_is_told() {
    let mut ledger = sweep::ledger();
    ledger.add(&io_errors::ledger());
    println!("{ledger}");
    println!(
        "{} ends of a run, {} more in recovery",
        ledger.cycles, ledger.in_recovery
    );
    assert!(ledger.cycles >= 100_000 || !is_usual());
}
