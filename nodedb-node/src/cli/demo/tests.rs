//! The checker finds what it is there to find: each test plants one mistake in a log of its own
//! making.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{Epoch, Lsn, RecordFlags, RecordKind, Scope, Timestamp};

use super::checker::{Checker, Findings};
use super::content::{Stamp, payload};
use super::ledger::Ledger;
use super::wire::{Content, Message};
use super::workload::OperationId;

const SEED: u64 = 7;
const THREADS: u32 = 2;
const BASE: u64 = 10;

/// A record as the log gives it back.
#[derive(Clone)]
struct Found {
    header: RecordHeader,
    payload: Vec<u8>,
}

fn id(round: u32, thread: u32, sequence: u64) -> OperationId {
    OperationId {
        seed: SEED,
        round,
        thread,
        sequence,
    }
}

/// What two rounds of two threads write, and a ledger in which all of it was acknowledged but the
/// last operation of each thread.
fn rounds() -> (Ledger, Vec<Found>) {
    let mut ledger = Ledger::new(Lsn::new(BASE));
    let mut log = Vec::new();
    for round in 0..2 {
        ledger.begin_round(THREADS);
        for sequence in 0..40 {
            for thread in 0..THREADS {
                append(
                    &mut ledger,
                    &mut log,
                    id(round, thread, sequence),
                    sequence < 39,
                );
            }
        }
    }
    (ledger, log)
}

fn append(ledger: &mut Ledger, log: &mut Vec<Found>, id: OperationId, acknowledged: bool) {
    let purge_lsn = Lsn::new(BASE);
    ledger.note(Message::Intent {
        thread: id.thread,
        sequence: id.sequence,
        purge_lsn,
    });
    for content in id.operation(purge_lsn).unwrap().contents() {
        let lsn = Lsn::new(BASE + 1 + log.len() as u64);
        log.push(found(lsn, &content));
        if acknowledged {
            let digest = content.digest();
            ledger.note(Message::Acknowledged { lsn, digest });
        }
    }
}

fn found(lsn: Lsn, content: &Content<'_>) -> Found {
    let flags = [
        (content.opaque, RecordFlags::OPAQUE),
        (content.batch_continues, RecordFlags::BATCH_CONTINUES),
    ];
    let set = flags.into_iter().filter(|(is_set, _)| *is_set);
    Found {
        header: RecordHeader {
            payload_crc: 0,
            payload_len: u32::try_from(content.payload.len()).unwrap(),
            kind: content.kind,
            flags: set.fold(RecordFlags::NONE, |flags, (_, flag)| flags.with(flag)),
            lsn,
            scope: content.scope,
            collection: content.collection,
            epoch: content.epoch,
            timestamp: Timestamp::from_nanos(1),
        },
        payload: content.payload.to_vec(),
    }
}

fn check(ledger: &Ledger, log: &[Found]) -> Findings {
    let mut checker = Checker::new(ledger, SEED).unwrap();
    for record in log {
        checker.take(&record.header, &record.payload).unwrap();
    }
    checker.finish()
}

/// Gives the records of `log` LSNs without a gap.
fn number(log: &mut [Found]) {
    for (lsn, record) in (BASE + 1..).zip(log) {
        record.header.lsn = Lsn::new(lsn);
    }
}

/// Where an operation of one record stands that is followed by another such, both acknowledged.
fn two_singles(log: &[Found]) -> usize {
    let is_single = |at: usize| {
        let starts = at == 0 || !log[at - 1].header.batch_continues();
        starts && !log[at].header.batch_continues()
    };
    (10..)
        .find(|&at| is_single(at) && is_single(at + 1))
        .unwrap()
}

/// Where a batch of the first round starts.
fn batch(log: &[Found]) -> usize {
    let continues = |record: &Found| record.header.batch_continues();
    log.iter().position(continues).unwrap()
}

#[test]
fn a_log_that_is_as_it_was_meant_has_no_findings() {
    let (ledger, log) = rounds();
    let findings = check(&ledger, &log);
    assert_eq!(findings.records, log.len() as u64);
    assert_eq!(findings.recovered, ledger.acknowledged());
    assert_eq!((findings.lost, findings.invented), (0, 0), "{findings:?}");
    assert_eq!(findings.problems, Vec::<String>::new());
}

#[test]
fn what_was_not_acknowledged_may_be_missing_at_the_end() {
    let (ledger, mut log) = rounds();
    let last = log
        .iter()
        .rposition(|record| ledger.digest(record.header.lsn).is_some());
    log.truncate(last.unwrap() + 1);
    let findings = check(&ledger, &log);
    assert_eq!((findings.lost, findings.invented), (0, 0), "{findings:?}");
}

#[test]
fn an_acknowledged_record_that_is_missing_at_the_end_is_lost() {
    let (ledger, mut log) = rounds();
    let last = log
        .iter()
        .rposition(|record| ledger.digest(record.header.lsn).is_some());
    let start = (0..=last.unwrap())
        .rev()
        .find(|&at| !log[at - 1].header.batch_continues());
    let missing = log.split_off(start.unwrap());
    let acknowledged = missing
        .iter()
        .filter(|r| ledger.digest(r.header.lsn).is_some());
    let findings = check(&ledger, &log);
    assert_eq!(findings.lost, acknowledged.count() as u64);
    assert_eq!(findings.invented, 0, "{findings:?}");
}

#[test]
fn a_record_that_is_missing_in_the_middle_is_found() {
    let (ledger, mut log) = rounds();
    log.remove(two_singles(&log));
    let findings = check(&ledger, &log);
    assert_eq!(findings.lost, 1, "{findings:?}");
    assert!(findings.invented > 0, "{findings:?}");
}

#[test]
fn one_changed_bit_is_found() {
    let (ledger, mut log) = rounds();
    let at = log
        .iter()
        .position(|record| record.payload.len() > 20)
        .unwrap();
    log[at].payload[20] ^= 1;
    let findings = check(&ledger, &log);
    assert_eq!(findings.lost, 1, "{findings:?}");
    assert!(findings.invented > 0, "{findings:?}");
}

#[test]
fn a_changed_header_is_found() {
    let (ledger, log) = rounds();
    let change: [fn(&mut RecordHeader); 4] = [
        |header| header.epoch = Epoch::new(header.epoch.value() + 1),
        |header| header.scope.vshard = nodedb_wal::VshardId::new(99),
        |header| header.kind = nodedb_wal::types::KindCode::from_bits(header.kind.bits() ^ 1),
        |header| header.collection = nodedb_wal::CollectionTag::from_value(99),
    ];
    for change in change {
        let mut log = log.clone();
        let at = two_singles(&log);
        change(&mut log[at].header);
        let findings = check(&ledger, &log);
        assert_eq!(findings.lost, 1, "{findings:?}");
        assert!(findings.invented > 0, "{findings:?}");
    }
}

#[test]
fn a_record_that_is_there_twice_is_invented() {
    let (ledger, mut log) = rounds();
    let at = two_singles(&log);
    let twice = log[at].clone();
    log.insert(at + 1, twice);
    number(&mut log);
    let findings = check(&ledger, &log);
    assert!(findings.invented > 0, "{findings:?}");
}

#[test]
fn two_records_in_the_wrong_order_are_found() {
    let (ledger, mut log) = rounds();
    let at = two_singles(&log);
    log.swap(at, at + 1);
    number(&mut log);
    let findings = check(&ledger, &log);
    assert!(findings.lost > 0, "{findings:?}");
}

#[test]
fn a_record_nobody_meant_to_append_is_invented() {
    let (ledger, mut log) = rounds();
    let operation = id(1, 0, 40).operation(Lsn::ZERO).unwrap();
    for content in operation.contents() {
        log.push(found(Lsn::new(BASE + 1 + log.len() as u64), &content));
    }
    let findings = check(&ledger, &log);
    assert_eq!(findings.lost, 0);
    assert_eq!(
        findings.invented,
        operation.records.len() as u64,
        "{findings:?}"
    );
}

#[test]
fn half_a_batch_is_found_at_the_end_and_in_the_middle() {
    let (ledger, mut log) = rounds();
    let at = batch(&log);
    log.truncate(at + 1);
    let findings = check(&ledger, &log);
    assert_eq!(findings.invented, 1, "{findings:?}");
    let (ledger, mut log) = rounds();
    log.remove(at + 1);
    number(&mut log);
    let findings = check(&ledger, &log);
    assert!(findings.invented > 0, "{findings:?}");
}

#[test]
fn lsns_and_times_that_do_not_rise_are_found() {
    let (ledger, mut log) = rounds();
    log[5].header.timestamp = Timestamp::from_nanos(0);
    assert_eq!(check(&ledger, &log).invented, 1);
    let (ledger, mut log) = rounds();
    let last = log.len() - 1;
    log[last].header.lsn = log[last].header.lsn.next();
    assert!(check(&ledger, &log).invented > 0);
}

/// A demo on the log of an earlier one failed now and then: its stamps were the same ones, and a flush
/// of the earlier one hid an array's cells that the model had as applied.
#[test]
fn nothing_is_written_to_an_array_that_any_demo_flushes() {
    let stamp = Stamp {
        round: 0,
        thread: 1,
        sequence: 2,
        index: 3,
    };
    let name = |kind| {
        let (scope, rng) = (Scope::default(), &mut fastrand::Rng::with_seed(SEED));
        let made = payload(kind, stamp, scope, Epoch::NONE, Lsn::FIRST, rng);
        match made.unwrap().unwrap() {
            AnyPayload::ArrayFlush(flush) => flush.array,
            AnyPayload::ArrayPut(put) => put.array,
            AnyPayload::ArrayDelete(delete) => delete.array,
            other => panic!("{other:?}"),
        }
    };
    let flushed = name(RecordKind::ArrayFlush);
    assert_ne!(flushed, name(RecordKind::ArrayPut));
    assert_ne!(flushed, name(RecordKind::ArrayDelete));
}
