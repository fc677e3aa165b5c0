//! Where a write ends in its last block must not matter.
//!
//! A frontier that ended 16, 32 or 48 bytes before the end of its block, followed by a write in the
//! next block, was once taken for a damaged one: the reader looked for 64 zeros behind it and came upon
//! the first bytes of the next write. Nothing was lost, but `verify` called a whole log damaged.

use nodedb_wal::config::TailPolicy;
use nodedb_wal::*;

const BLOCK_BYTES: usize = format::layout::BLOCK_BYTES;
const HEADER_BYTES: usize = format::layout::record::BYTES;
const FRONTIER_BYTES: usize = format::layout::frontier::BYTES;

/// A log of one write that leaves `left_bytes` of its block, and a few more.
fn check(tail_policy: TailPolicy, left_bytes: usize) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path())
        .segment_bytes(1 << 20)
        .tail_policy(tail_policy);
    let log = Log::open(config).unwrap();
    let first_len = BLOCK_BYTES - HEADER_BYTES - FRONTIER_BYTES - left_bytes;
    for len in [first_len, 10, 0, 10] {
        let payload = vec![7; len];
        let record = Record::raw(RecordKind::Noop, Scope::default(), &payload);
        let lsn = log.append(&record).unwrap();
        log.commit(lsn).unwrap();
    }
    drop(log);
    let reader = Reader::open(directory.path()).unwrap();
    let report = reader.verify(&mut |_, _| {}).unwrap();
    assert!(
        report.findings.is_empty(),
        "{tail_policy:?}, {left_bytes} left: {report:?}"
    );
    assert_eq!(report.records, 4);
}

#[test]
fn a_frontier_may_end_anywhere_in_its_block() {
    for tail_policy in [TailPolicy::Pad, TailPolicy::Rewrite] {
        for left_bytes in (0..=2 * HEADER_BYTES).step_by(16) {
            check(tail_policy, left_bytes);
        }
    }
}
