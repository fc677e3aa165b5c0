//! Filters: with footers to go by, a read delivers exactly what filtering a full read would, and
//! reads no more than it has to.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::CustomKind;
use nodedb_wal::*;
use proptest::prelude::*;

/// No footer of these logs is longer; what it says is read before anything else.
const FOOTER_BYTES_MAX: u64 = 8 << 10;

const KINDS: [RecordKind; 6] = [
    RecordKind::Put,
    RecordKind::Delete,
    RecordKind::LogBatch,
    RecordKind::Checkpoint,
    RecordKind::CollectionTombstoned,
    RecordKind::TimeAnchor,
];

/// Records in a row that are alike.
#[derive(Clone, Copy, Debug)]
struct Run {
    kind: usize,
    tenant: u64,
    database: u64,
    vshard: u32,
    collection: u32,
    epoch: u64,
    count: usize,
    payload_bytes: usize,
    commit: bool,
    rotate: bool,
}

fn run() -> impl Strategy<Value = Run> {
    let place = (0..4_u64, 0..3_u64, 0..5_u32, 0..4_u32, 0..6_u64);
    let size = prop_oneof![Just(0_usize), 1..200_usize, 10_000..40_000_usize];
    let ends = (prop::bool::ANY, prop::bool::weighted(0.1));
    (0..=KINDS.len(), place, 1..12_usize, size, ends).prop_map(
        |(kind, (tenant, database, vshard, collection, epoch), count, payload_bytes, ends)| Run {
            kind,
            // Tenants far apart, and two of them under the same bit of a zone's mask.
            tenant: tenant * tenant * 1_000_003,
            database,
            vshard,
            collection,
            epoch,
            count,
            payload_bytes,
            commit: ends.0,
            rotate: ends.1,
        },
    )
}

/// What is asked for. Places are shares of the log, so that they fit a log of any length.
#[derive(Clone, Debug)]
struct Asked {
    from: Option<f64>,
    until: Option<f64>,
    kinds: Vec<usize>,
    tenant: Option<u64>,
    database: Option<u64>,
    vshard: Option<u32>,
    collection: Option<u32>,
    epochs: Option<(u64, u64)>,
    times: Option<(f64, f64)>,
    control_only: bool,
    headers_only: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let share = || prop::option::weighted(0.3, 0.0..1.1_f64);
    let span = prop::option::weighted(0.2, (0.0..1.0_f64, 0.0..1.0_f64));
    let ids = (
        prop::option::weighted(0.4, 0..5_u64),
        prop::option::weighted(0.2, 0..4_u64),
        prop::option::weighted(0.3, 0..6_u32),
        prop::option::weighted(0.2, 0..5_u32),
    );
    let kinds = prop::collection::vec(0..=KINDS.len(), 0..3);
    let epochs = prop::option::weighted(0.3, (0..7_u64, 0..7_u64));
    let only = (prop::bool::weighted(0.25), prop::bool::weighted(0.25));
    (share(), share(), kinds, ids, epochs, span, only).prop_map(
        |(from, until, kinds, ids, epochs, times, only)| Asked {
            from,
            until,
            kinds,
            tenant: ids.0.map(|id| id * id * 1_000_003),
            database: ids.1,
            vshard: ids.2,
            collection: ids.3,
            epochs: epochs.map(|(a, b)| (a.min(b), a.max(b))),
            times,
            control_only: only.0,
            headers_only: only.1,
        },
    )
}

fn kind(number: usize) -> RecordKind {
    let custom = || RecordKind::Custom(CustomKind::new(300, true).unwrap());
    KINDS.get(number).copied().unwrap_or_else(custom)
}

fn tag(collection: u32) -> CollectionTag {
    CollectionTag::from_value(collection.wrapping_mul(0x9e37_79b9))
}

/// A record that was read: its header and the sum of its payload.
type Seen = (format::RecordHeader, u64);

fn read(reader: &Reader, options: ReadOptions) -> (Vec<Seen>, ReadStats) {
    let mut records = reader.read(options).unwrap();
    let mut seen = Vec::new();
    while let Some(record) = records.next().unwrap() {
        let sum = record.payload.iter().map(|&byte| u64::from(byte)).sum();
        seen.push((record.header, sum));
    }
    (seen, records.stats())
}

fn write(disk: &SimDisk, runs: &[Run], close: bool) {
    let config = Config::on(disk.storage()).segment_bytes(1 << 20);
    let log = Log::open(config).unwrap();
    for run in runs {
        let scope = Scope::new(
            TenantId::new(run.tenant),
            DatabaseId::new(run.database),
            VshardId::new(run.vshard),
        );
        let mut payload = vec![0; run.payload_bytes];
        for _ in 0..run.count {
            payload.iter_mut().take(8).for_each(|byte| *byte += 1);
            let mut record = Record::raw(kind(run.kind), scope, &payload);
            (record.collection, record.epoch) = (tag(run.collection), Epoch::new(run.epoch));
            log.append(&record).unwrap();
        }
        if run.commit {
            log.sync().unwrap();
        }
        if run.rotate {
            log.rotate().unwrap();
        }
    }
    log.sync().unwrap();
    if close {
        log.close().unwrap();
    }
}

/// The options of `asked` for the log `all`, and what they mean, said once more.
fn options_and_expected(asked: &Asked, all: &[Seen]) -> (ReadOptions, Vec<Seen>) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a short list"
    )]
    let at = |share: f64| (share * all.len() as f64) as usize;
    let lsn = |share: f64| Lsn::new(at(share) as u64 + 1);
    let time = |share: f64| all[at(share).min(all.len() - 1)].0.timestamp;
    let mut options = asked
        .from
        .map_or_else(ReadOptions::all, |share| ReadOptions::from(lsn(share)));
    let mut expected: Vec<Seen> = all.to_vec();
    if let Some(share) = asked.from {
        expected.retain(|(header, _)| header.lsn >= lsn(share));
    }
    if let Some(share) = asked.until {
        options = options.until(lsn(share));
        expected.retain(|(header, _)| header.lsn <= lsn(share));
    }
    if !asked.kinds.is_empty() {
        let kinds: Vec<_> = asked.kinds.iter().map(|&number| kind(number)).collect();
        options = options.kinds(&kinds);
        expected.retain(|(header, _)| kinds.contains(&header.kind.known().unwrap()));
    }
    if let Some(id) = asked.tenant {
        options = options.tenant(TenantId::new(id));
        expected.retain(|(header, _)| header.scope.tenant.value() == id);
    }
    if let Some(id) = asked.database {
        options = options.database(DatabaseId::new(id));
        expected.retain(|(header, _)| header.scope.database.value() == id);
    }
    if let Some(id) = asked.vshard {
        options = options.vshard(VshardId::new(id));
        expected.retain(|(header, _)| header.scope.vshard.value() == id);
    }
    if let Some(collection) = asked.collection {
        options = options.collection(tag(collection));
        expected.retain(|(header, _)| header.collection == tag(collection));
    }
    if let Some((low, high)) = asked.epochs {
        options = options.epochs(Epoch::new(low)..=Epoch::new(high));
        expected.retain(|(header, _)| (low..=high).contains(&header.epoch.value()));
    }
    if let Some((a, b)) = asked.times {
        let (low, high) = (time(a.min(b)), time(a.max(b)));
        options = options.times(low..=high);
        expected.retain(|(header, _)| low <= header.timestamp && header.timestamp <= high);
    }
    if asked.control_only {
        options = options.control_only();
        expected.retain(|(header, _)| header.kind.known().unwrap().is_control());
    }
    if asked.headers_only {
        options = options.headers_only();
    }
    (options, expected)
}

/// Checks one read against a full one, which cost `full`.
fn check(reader: &Reader, all: &[Seen], full: ReadStats, asked: &Asked) {
    let (options, expected) = options_and_expected(asked, all);
    let (found, stats) = read(reader, options);
    assert!(
        found == expected,
        "{asked:?}: {:?} in place of {:?}",
        found.iter().map(|(h, _)| h.lsn.value()).collect::<Vec<_>>(),
        expected
            .iter()
            .map(|(h, _)| h.lsn.value())
            .collect::<Vec<_>>()
    );
    assert_eq!(stats.records_delivered, found.len() as u64);
    assert!(stats.segments_read + stats.segments_skipped <= full.segments_read);
    // Control records are looked up one by one, and what is read around each may overlap.
    if !asked.control_only {
        let footers = full.segments_read * FOOTER_BYTES_MAX;
        assert!(
            stats.bytes_read <= full.bytes_read + footers,
            "{asked:?}: {stats:?} of {full:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_filtered_read_gives_what_filtering_a_full_read_gives(
        runs in prop::collection::vec(run(), 1..60),
        asked in prop::collection::vec(asked(), 24),
        close in prop::bool::ANY,
    ) {
        let disk = SimDisk::new(1);
        write(&disk, &runs, close);
        disk.kill_process();
        let reader = Reader::open_on(disk.storage()).unwrap();
        let (all, full) = read(&reader, ReadOptions::all());
        prop_assert_eq!(all.len(), runs.iter().map(|run| run.count).sum::<usize>());
        for asked in &asked {
            check(&reader, &all, full, asked);
        }
        // A footer that cannot be read costs time and nothing else.
        for info in reader.segments().unwrap() {
            let name = info.path.file_name().unwrap().to_str().unwrap();
            if info.sealed {
                let footer = info.data_bytes.next_multiple_of(4096);
                disk.flip_bit(name, footer + 64, 0).unwrap();
            }
        }
        for asked in &asked {
            let (options, expected) = options_and_expected(asked, &all);
            let found = read(&reader, options).0;
            prop_assert!(found == expected, "without footers: {asked:?}");
        }
    }
}

/// Some eight MiB in one segment: the first and the last of 64 parts are of tenant 1, and each part ends
/// with a control record.
fn large(disk: &SimDisk) -> Reader {
    let log = Log::open(Config::on(disk.storage()).segment_bytes(16 << 20)).unwrap();
    for part in 0..64 {
        let tenant = if part % 63 == 0 { 1 } else { 2 };
        let scope = Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(1));
        for _ in 0..32 {
            log.append(&Record::raw(RecordKind::Put, scope, &[7; 4000]))
                .unwrap();
        }
        log.append(&Record::raw(RecordKind::Checkpoint, scope, &[]))
            .unwrap();
    }
    log.close().unwrap();
    disk.kill_process();
    Reader::open_on(disk.storage()).unwrap()
}

#[test]
fn parts_of_a_segment_that_hold_nothing_wanted_are_not_read() {
    let disk = SimDisk::new(1);
    let reader = large(&disk);
    let full = read(&reader, ReadOptions::all()).1;
    assert!(full.bytes_read > 7 << 20, "{full:?}");
    let check = |options: ReadOptions, records: usize, bytes_max: u64| {
        let (found, stats) = read(&reader, options.clone());
        assert_eq!(found.len(), records, "{options:?}");
        assert!(stats.bytes_read < bytes_max, "{options:?}: {stats:?}");
    };
    let tenant = |id| ReadOptions::all().tenant(TenantId::new(id));
    // The window at the front, and what is left behind the last jump.
    check(tenant(1), 66, 5 << 19);
    // The footer alone says that nothing is there. Most of it are grains, 20 bytes for 8 KiB.
    let footer_bytes_max = (8 << 20) / 400 + FOOTER_BYTES_MAX;
    check(tenant(3), 0, footer_bytes_max);
    check(ReadOptions::all().control_only(), 64, 64 * (12 << 10));
    check(
        ReadOptions::all().kinds(&[RecordKind::Delete]),
        0,
        footer_bytes_max,
    );
    // One record in the middle, by its LSN alone.
    let middle = ReadOptions::from(Lsn::new(1000)).until(Lsn::new(1000));
    check(middle, 1, 5 << 19);
}

#[test]
fn segments_that_hold_nothing_wanted_are_not_read() {
    let disk = SimDisk::new(1);
    let log = Log::open(Config::on(disk.storage()).segment_bytes(64 << 10)).unwrap();
    for segment in 0..20_u64 {
        let scope = Scope::new(TenantId::new(segment), DatabaseId::new(1), VshardId::new(1));
        let epoch = Epoch::new(segment / 5);
        let record = Record::raw(RecordKind::Put, scope, &[7; 1000]).in_epoch(epoch);
        for _ in 0..10 {
            log.append(&record).unwrap();
        }
        log.rotate().unwrap();
    }
    log.close().unwrap();
    disk.kill_process();
    let reader = Reader::open_on(disk.storage()).unwrap();
    let check = |options: ReadOptions, records: usize, read_segments: u64| {
        let (found, stats) = read(&reader, options.clone());
        assert_eq!(found.len(), records, "{options:?}");
        assert_eq!(stats.segments_read, read_segments, "{options:?}: {stats:?}");
        assert_eq!(
            stats.segments_read + stats.segments_skipped,
            20,
            "{stats:?}"
        );
        let footers = 20 * FOOTER_BYTES_MAX;
        assert!(
            stats.bytes_read <= read_segments * (64 << 10) + footers,
            "{stats:?}"
        );
    };
    check(ReadOptions::all(), 200, 20);
    check(ReadOptions::all().tenant(TenantId::new(13)), 10, 1);
    check(ReadOptions::all().tenant(TenantId::new(99)), 0, 0);
    check(
        ReadOptions::all().epochs(Epoch::new(2)..=Epoch::new(2)),
        50,
        5,
    );
    check(ReadOptions::all().control_only(), 0, 0);
    check(ReadOptions::all().vshard(VshardId::new(2)), 0, 0);
}
