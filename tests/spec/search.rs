//! Walks every history within a bound, shortest first. `SPEC_RECORDS`, `SPEC_CRASHES` and
//! `SPEC_SEGMENTS` set the bound.

use std::collections::HashSet;

use crate::actions::next;
use crate::state::{Bounds, Bug, State};

/// What everybody walks.
const BOUNDS: Bounds = Bounds {
    records: 3,
    crashes: 2,
    segments: 3,
    hold: 2,
};

/// States walked, and the shortest history that breaks a promise, if one does.
struct Walked {
    states: usize,
    steps: usize,
    broken: Option<String>,
}

fn walk(bounds: &Bounds, bug: Bug) -> Walked {
    let first = State::new();
    let mut seen = HashSet::from([first.clone()]);
    let mut layer = vec![first];
    let mut walked = Walked {
        states: 1,
        steps: 0,
        broken: None,
    };
    while !layer.is_empty() {
        let mut behind = Vec::new();
        for state in &layer {
            match next(state, bounds, bug) {
                Ok(all) => {
                    let new = all.into_iter().filter(|next| seen.insert(next.clone()));
                    behind.extend(new);
                }
                Err(broken) => {
                    walked.broken = Some(format!("{broken}, in {state:#?}"));
                    walked.states = seen.len();
                    return walked;
                }
            }
        }
        walked.steps += 1;
        walked.states = seen.len();
        layer = behind;
    }
    walked
}

fn setting(name: &str, default: u8) -> u8 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_history_breaks_a_promise() {
    let bounds = Bounds {
        records: setting("SPEC_RECORDS", BOUNDS.records),
        crashes: setting("SPEC_CRASHES", BOUNDS.crashes),
        segments: usize::from(setting("SPEC_SEGMENTS", 3)),
        ..BOUNDS
    };
    let walked = walk(&bounds, Bug::None);
    println!(
        "{bounds:?}: {} states, histories of up to {} steps",
        walked.states, walked.steps
    );
    assert_eq!(walked.broken, None);
}

/// The walk must be able to fail: each of these is found.
#[test]
fn planted_bugs_are_found() {
    for (bug, tells) in [
        (Bug::AcknowledgesBeforeSync, "acknowledged, and is lost"),
        (Bug::ClaimsItself, "taken for damage"),
        (Bug::GoesOnInOldSegment, "was invented"),
        (Bug::RotatesBeforeDurable, "said to be missing"),
        (Bug::RemovesBeforeStart, "said to be missing"),
        (Bug::IgnoresHold, "is needed, and gone"),
        (Bug::CutsAtFirstDamage, "vouched for, and dropped"),
        (Bug::KeepsHalfBatch, "is there in part"),
        (Bug::DividesBatch, "taken for damage"),
    ] {
        let walked = walk(&BOUNDS, bug);
        let broken = walked.broken.unwrap_or_default();
        assert!(broken.contains(tells), "{bug:?}: {broken}");
        println!(
            "{bug:?}: found after {} states, {} steps",
            walked.states, walked.steps
        );
    }
}
