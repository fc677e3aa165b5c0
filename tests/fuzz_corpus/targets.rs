//! Every kept input and some mutations of each go through their target.
//!
//! `FUZZ_MUTATIONS` sets how many mutated inputs there are of each target, `FUZZ_SEED` where chance
//! starts. A failure prints the line that runs it again.

use std::panic::catch_unwind;

use nodedb_tests::fuzz::{TARGETS, Target, mutate};
use nodedb_tests::random::Random;

use crate::corpus::inputs;
use crate::memory::peak_kib;

/// Mutated inputs of each target that everybody runs.
const MUTATIONS: u64 = 2000;

/// More address space than this, on top of what there was, is a length that was believed.
const GROWTH_MAX_KIB: u64 = 1 << 20;

/// All kept inputs together.
const CORPUS_BYTES_MAX: usize = 2 << 20;

fn setting(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs an input; `rerun` is told when it fails.
fn check(target: &Target, input: &[u8], rerun: &str) {
    let before = peak_kib();
    let outcome = catch_unwind(|| (target.run)(input));
    assert!(outcome.is_ok(), "{}: rerun: {rerun}", target.name);
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        let grown = after - before;
        assert!(
            grown < GROWTH_MAX_KIB,
            "{}: {} bytes of input took {grown} KiB of memory; rerun: {rerun}",
            target.name,
            input.len()
        );
    }
}

#[test]
fn kept_inputs_break_no_promise() {
    let mut total_bytes = 0;
    for target in TARGETS {
        let inputs = inputs(target.name);
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for (name, input) in &inputs {
            let file = format!("tests/corpus/{}/{name}, as is", target.name);
            check(target, input, &file);
            total_bytes += input.len();
        }
        println!("{}: {} inputs", target.name, inputs.len());
    }
    assert!(total_bytes <= CORPUS_BYTES_MAX, "{total_bytes} bytes");
}

#[test]
fn mutated_inputs_break_no_promise() {
    let first = setting("FUZZ_SEED", 1);
    let count = setting("FUZZ_MUTATIONS", MUTATIONS);
    for target in TARGETS {
        let inputs = inputs(target.name);
        for seed in first..first + count {
            let mut random = Random::new(seed);
            let (_, input) = &inputs[random.index(inputs.len())];
            let input = mutate(input, &mut random, target.input_bytes_max);
            let rerun = format!(
                "FUZZ_SEED={seed} FUZZ_MUTATIONS=1 cargo test -p nodedb-tests --test fuzz mutated"
            );
            check(target, &input, &rerun);
        }
    }
    println!("{count} mutated inputs of each target, from seed {first} on");
}
