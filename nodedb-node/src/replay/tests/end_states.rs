//! Seeded logs, replayed every way there is: the end state is the one the plainest means come to.

use super::workload::{expected, fill};
use super::*;
use crate::replay::sinks::MemorySinks;

const RECORDS: u64 = 600;

/// The seeds to run: `REPLAY_SEED` alone, or a few.
fn seeds() -> Vec<u64> {
    let chosen = std::env::var("REPLAY_SEED").ok();
    match chosen.and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=6).collect(),
    }
}

fn rerun(seed: u64) -> String {
    format!("REPLAY_SEED={seed} cargo test -p nodedb-node --lib end_states")
}

fn partitioned(
    source: &dyn ReplaySource,
    workers: usize,
    queue_bytes: usize,
) -> (MemorySinks, ReplayReport) {
    let mut sinks = vec![MemorySinks::default(); workers];
    let plan = ReplayPlan::default();
    let how = Workers::new().queue_bytes(queue_bytes);
    let report = Replay::new(source, &plan)
        .run_partitioned(&mut sinks, how)
        .unwrap();
    let mut merged = MemorySinks::default();
    for part in sinks {
        merged.absorb(part);
    }
    (merged, report)
}

#[test]
fn a_replay_comes_to_what_the_plainest_means_come_to_and_so_do_its_partitions() {
    for seed in seeds() {
        let (directory, log) = new_log();
        fill(&log, seed, RECORDS);
        let (model, applied) = expected(&log);
        let mut serial = MemorySinks::default();
        let report = replay(&log, &ReplayPlan::default(), &mut serial, &mut |_| ()).unwrap();
        assert_eq!(report.seen(), RECORDS, "{}", rerun(seed));
        assert_eq!(report.applied, applied, "{}", rerun(seed));
        assert!(serial == model, "serial: {}", rerun(seed));
        let skipped = report.skipped;
        let withheld = [skipped.tombstone, skipped.aborted, skipped.flushed];
        assert!(
            withheld.iter().all(|count| *count > 0),
            "{withheld:?}: {}",
            rerun(seed)
        );
        for (workers, queue_bytes) in [(1, 1 << 20), (2, 0), (3, 4 << 10), (8, 1 << 20)] {
            let (merged, divided) = partitioned(&log, workers, queue_bytes);
            assert!(merged == model, "{workers} workers: {}", rerun(seed));
            assert_eq!(
                (divided.applied, divided.skipped),
                (report.applied, skipped)
            );
            assert_eq!(divided.operations, report.operations);
        }
        drop(log);
        through_a_node(&directory, &model, &report, seed);
    }
}

/// The same through a node, whose catalog knows what control records say.
fn through_a_node(directory: &TempDir, model: &MemorySinks, report: &ReplayReport, seed: u64) {
    let config = Config::new(directory.path()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    let wal = WalManager::open(NodeConfig::from(config)).unwrap();
    let known = Known::read(&wal).unwrap();
    let mut sinks = MemorySinks::default();
    let plan = ReplayPlan::default();
    let knowing = Replay::new(&wal, &plan)
        .knowing(&known)
        .run(&mut sinks)
        .unwrap();
    assert!(sinks == *model, "knowing: {}", rerun(seed));
    assert_eq!(
        (knowing.applied, knowing.skipped),
        (report.applied, report.skipped)
    );
}

/// Whatever one sink holds already, from whichever record on the rest is replayed: the end state is
/// that of a replay of everything. The sink was given what the log said up to there.
#[test]
fn a_sink_that_goes_on_behind_what_it_applied_comes_to_the_same_end() {
    for seed in seeds() {
        let (_directory, log) = new_log();
        fill(&log, seed, RECORDS);
        let (model, _) = expected(&log);
        for cut in [0, 1, RECORDS / 3, RECORDS / 2, RECORDS - 1, RECORDS] {
            let mut sinks = MemorySinks::default();
            let first = ReplayPlan::default().until(Lsn::new(cut));
            let rest = ReplayPlan::after(Lsn::new(cut));
            let mut seen = 0;
            for plan in [first, rest] {
                let report = replay(&log, &plan, &mut sinks, &mut |_| ()).unwrap();
                assert_eq!(report.seen(), RECORDS);
                seen += report.applied + report.skipped.tombstone + report.skipped.aborted;
                seen += report.skipped.flushed;
            }
            assert_eq!(seen, RECORDS, "{}", rerun(seed));
            assert!(sinks == model, "cut at {cut}: {}", rerun(seed));
        }
    }
}
