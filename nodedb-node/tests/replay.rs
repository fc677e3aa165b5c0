//! Replays through a node, and what they read. The sizes come from the environment, so that the same
//! tests run on logs as large as anybody likes:
//!
//! ```text
//! REPLAY_RECORDS=10000000 cargo test --release -p nodedb-node --test replay checkpoint -- --nocapture
//! REPLAY_LOG_MIB=1024 cargo test --release -p nodedb-node --test replay tenant -- --nocapture
//! ```
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::time::Instant;

use nodedb_node::replay::sinks::MemorySinks;
use nodedb_node::replay::{
    EngineFamily, Replay, ReplayPlan, ReplayRecord, ReplaySink, ReplayTransaction, SinkError,
    Workers,
};
use nodedb_node::{Node, NodeConfig, Truncation, WalManager};
use nodedb_wal::payload::{
    Checkpoint, CollectionTombstoned, CrdtDelta, Hold, Operation, Put, Transaction, WriteAborted,
};
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, VshardId};
use nodedb_wal::{Config, Reader};
use tempfile::TempDir;

const D: DatabaseId = DatabaseId::new(1);
const T: TenantId = TenantId::new(1);
const V: VshardId = VshardId::new(1);

fn size(variable: &str, usual: u64) -> u64 {
    let chosen = std::env::var(variable).ok();
    chosen.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A log in segments as they come, or small ones where the log is.
fn config(directory: &TempDir, log_bytes: u64) -> NodeConfig {
    let config = Config::new(directory.path());
    NodeConfig::from(match log_bytes {
        0..0x1000_0000 => config.segment_bytes(Config::SEGMENT_BYTES_MIN),
        _ => config,
    })
}

fn put(number: u64, bytes: usize) -> Put {
    Put {
        collection: "orders".to_owned(),
        key: (number % 10_000).to_le_bytes().to_vec(),
        value: vec![u8::try_from(number % 251).unwrap(); bytes],
    }
}

fn count() -> impl FnMut(&ReplayRecord<'_>) -> Result<(), SinkError> {
    |_| Ok(())
}

/// Bytes that this process has read so far, by the system's own count; 0 where it keeps none. Other
/// tests that run at the same time are in it.
fn read_by_process() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let count = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    count
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or_default()
}

/// Lesson 37: boot read the whole log and ignored the checkpoint.
#[test]
fn a_replay_from_a_checkpoint_near_the_end_reads_only_what_follows_it() {
    let records = size("REPLAY_RECORDS", 30_000);
    let behind = 1_000;
    let directory = tempfile::tempdir().unwrap();
    let open = || Node::open(config(&directory, records * 130)).unwrap();
    let node = open();
    for number in 1..=records {
        if number == records - behind {
            let checkpoint = Checkpoint {
                engine: EngineFamily::KeyValue.name().to_owned(),
                lsn: Lsn::new(number - 1),
            };
            node.wal().append_checkpoint(T, V, D, &checkpoint).unwrap();
        } else {
            let row = put(number, 32);
            node.wal().append_put(T, V, D, &row).unwrap();
        }
    }
    node.wal().sync().unwrap();
    let log_bytes = node.wal().total_size_bytes();
    node.close().unwrap();

    let (started, before) = (Instant::now(), read_by_process());
    let node = open();
    let plan = ReplayPlan::from_checkpoints().engines(&[EngineFamily::KeyValue]);
    let report = node.replay(&plan, &mut count()).unwrap();
    let boot = started.elapsed();
    let by_process = read_by_process() - before;
    // Closing sealed the audit trail, in one more record.
    assert_eq!(report.applied, behind + 2);
    assert_eq!((report.seen(), report.known_bytes_read), (records + 1, 0));
    assert_eq!(report.skipped.before_start, records - behind - 1);
    drop(node);

    let reader = Reader::open(directory.path()).unwrap();
    let bare = Replay::new(&reader, &plan).run(&mut count()).unwrap();
    assert_eq!(
        (bare.applied, bare.skipped),
        (report.applied, report.skipped)
    );
    let mut sinks = [count(), count()];
    let divided = Replay::new(&reader, &plan)
        .run_partitioned(&mut sinks, Workers::new())
        .unwrap();
    assert_eq!(
        (divided.applied, divided.bytes_read),
        (bare.applied, bare.bytes_read)
    );

    println!(
        "{records} records in {log_bytes} bytes, {behind} behind the checkpoint: opening and replaying \
         took {boot:?} and read {} bytes of records, {by_process} with footers and the catalog; without it {} bytes, of which {} \
         to know what to skip",
        report.bytes_read, bare.bytes_read, bare.known_bytes_read
    );
    // What follows is some 120 KB, read in stretches of at most 1 MiB.
    assert!(report.bytes_read < 1 << 20, "{}", report.bytes_read);
    assert!(
        bare.bytes_read < (1 << 20) + log_bytes / 100,
        "{}",
        bare.bytes_read
    );
}

/// Lets only one tenant's records through, in a replay that is of everything.
struct OnlyTenant(TenantId, MemorySinks);

impl ReplaySink for OnlyTenant {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        match record.header().scope.tenant == self.0 {
            true => self.1.apply(record),
            false => Ok(()),
        }
    }

    fn apply_transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<(), SinkError> {
        match transaction.header().scope.tenant == self.0 {
            true => self.1.apply_transaction(transaction),
            false => Ok(()),
        }
    }
}

/// Appends about `bytes` of one tenant's rows, documents and transactions, a drop and an abort among
/// them.
fn fill(wal: &WalManager, tenant: TenantId, bytes: u64) {
    let rounds = bytes / 4_500;
    for round in 0..rounds {
        let row = put(round, 1_000);
        let aborted = wal.append_put(tenant, V, D, &row).unwrap();
        let delta = CrdtDelta {
            collection: "notes".to_owned(),
            document: (round % 50).to_string(),
            peer: round,
            delta: vec![7; 1_000],
        };
        wal.append_crdt_delta(tenant, V, D, &delta).unwrap();
        let operations =
            [round, round + 1].map(|number| Operation::new(&put(number, 1_000)).unwrap());
        let operations = operations.into();
        wal.append_transaction(tenant, V, D, &Transaction { operations })
            .unwrap();
        if round == rounds / 3 {
            let collection = "orders".to_owned();
            let dropped = CollectionTombstoned {
                collection,
                purge_lsn: wal.next_lsn(),
            };
            wal.append_collection_tombstone(tenant, V, D, &dropped)
                .unwrap();
        }
        if round == rounds / 2 {
            let reason = "conflict".to_owned();
            let aborted = WriteAborted {
                lsn: aborted,
                reason,
            };
            wal.append_write_aborted(tenant, V, D, &aborted).unwrap();
        }
    }
}

#[test]
fn a_rebuild_of_one_clustered_tenant_reads_little_and_comes_to_the_same() {
    let bytes = size("REPLAY_LOG_MIB", 16) << 20;
    let directory = tempfile::tempdir().unwrap();
    let wal = WalManager::open(config(&directory, bytes)).unwrap();
    let small = TenantId::new(7);
    for (tenant, percent) in [(1, 30), (2, 30), (7, 1), (3, 39)] {
        fill(&wal, TenantId::new(tenant), bytes / 100 * percent);
    }
    wal.close().unwrap();

    let reader = Reader::open(directory.path()).unwrap();
    let log_bytes = reader.total_size_bytes();
    let mut whole = OnlyTenant(small, MemorySinks::default());
    let all = Replay::new(&reader, &ReplayPlan::default())
        .run(&mut whole)
        .unwrap();
    let mut rebuilt = MemorySinks::default();
    let before = read_by_process();
    let plan = ReplayPlan::default().tenant(small);
    let report = Replay::new(&reader, &plan).run(&mut rebuilt).unwrap();
    let by_process = read_by_process() - before;
    println!(
        "a tenant with {} of {} records in a log of {log_bytes} bytes: its rebuild read {} bytes, {} of \
         them to know what to skip, and {by_process} with footers; a replay of everything {}",
        report.seen() - report.skipped.outside_plan,
        report.seen(),
        report.bytes_read,
        report.known_bytes_read,
        all.bytes_read
    );
    assert!(
        report.skipped.tombstone > 0 && report.skipped.aborted == 1,
        "{report:?}"
    );
    assert!(rebuilt == whole.1, "the tenant is another one");
    assert!(rebuilt != MemorySinks::default());
    assert_eq!(report.seen(), all.seen());
    let whole = log_bytes.min(all.bytes_read);
    assert!(
        report.bytes_read * 20 < whole,
        "{} of {whole}",
        report.bytes_read
    );
}

/// A tombstone whose own record is gone still hides what it hid, as long as any of that is left.
#[test]
fn a_tombstone_outlives_its_record_in_the_catalog() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Node::open(config(&directory, 0)).unwrap();
    let node = open();
    let collection = "orders".to_owned();
    let dropped = CollectionTombstoned {
        collection,
        purge_lsn: Lsn::new(4),
    };
    let wal = node.wal();
    wal.append_collection_tombstone(T, V, D, &dropped).unwrap(); // 1
    wal.rotate().unwrap();
    for number in 2..=5 {
        wal.append_put(T, V, D, &put(number, 10)).unwrap(); // 2, 3, 4, 5
    }
    let hold = |needs| Hold {
        name: "kv".to_owned(),
        needs: Some(Lsn::new(needs)),
    };
    wal.append_hold(T, V, D, &hold(2)).unwrap(); // 6
    wal.rotate().unwrap();
    let puts = ReplayPlan::default().kinds(&[RecordKind::Put]);
    let applied = |node: &Node| {
        let mut lsns = Vec::new();
        let mut sink = |record: &ReplayRecord<'_>| {
            lsns.push(record.lsn().value());
            Ok(())
        };
        node.replay(&puts, &mut sink).unwrap();
        lsns
    };
    let done = |node: &Node| {
        let truncation = node.truncate_to_holds().unwrap();
        assert!(
            matches!(truncation, Truncation::Done { .. }),
            "{truncation:?}"
        );
        (
            node.wal().start_lsn().value(),
            node.control_state().unwrap().dropped.len(),
        )
    };
    assert_eq!(applied(&node), [4, 5]);
    assert_eq!(done(&node), (2, 1));
    assert_eq!(applied(&node), [4, 5]);
    drop(node);
    let node = open();
    assert_eq!(applied(&node), [4, 5]);
    // The log by itself no longer knows.
    let mut seen = 0;
    let mut sink = |_: &ReplayRecord<'_>| {
        seen += 1;
        Ok(())
    };
    Replay::new(node.wal(), &puts).run(&mut sink).unwrap();
    assert_eq!(seen, 4);
    let lsn = node.wal().append_hold(T, V, D, &hold(7)).unwrap();
    node.wal().commit(lsn).unwrap();
    assert_eq!(done(&node), (7, 0));
}
