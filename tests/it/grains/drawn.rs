//! Drawn logs, whole and damaged: what a filtered read delivers, beside a filter over a full read.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;
use proptest::prelude::*;

/// Records in a row that are alike, or one batch of them.
#[derive(Clone, Copy, Debug)]
struct Run {
    tenant: u64,
    vshard: u32,
    kind: usize,
    count: usize,
    payload_bytes: usize,
    is_batch: bool,
    sync: bool,
}

const KINDS: [RecordKind; 4] = [
    RecordKind::Put,
    RecordKind::TimeseriesBatch,
    RecordKind::Checkpoint,
    RecordKind::CollectionTombstoned,
];

/// Most records are of tenant 0, so that parts of zones hold nothing of the others.
fn run() -> impl Strategy<Value = Run> {
    let tenant = prop_oneof![12 => Just(0_u64), 1 => 1..4_u64];
    let size = prop_oneof![
        4 => 0..2_000_usize,
        3 => 3_000..20_000_usize,
        1 => 60_000..300_000_usize,
    ];
    let kind = prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => 2..KINDS.len()];
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.3));
    (tenant, 0..6_u32, kind, 1..10_usize, size, flags).prop_map(
        |(tenant, vshard, kind, count, payload_bytes, (is_batch, sync))| Run {
            tenant,
            vshard: vshard / 5,
            kind,
            count,
            payload_bytes,
            is_batch,
            sync,
        },
    )
}

fn write(disk: &SimDisk, runs: &[Run]) {
    let log = Log::open(Config::on(disk.storage()).segment_bytes(2 << 20)).unwrap();
    for run in runs {
        let scope = Scope::new(
            TenantId::new(run.tenant),
            DatabaseId::new(0),
            VshardId::new(run.vshard),
        );
        let payload = vec![7; run.payload_bytes];
        let records = vec![Record::raw(KINDS[run.kind], scope, &payload); run.count];
        if run.is_batch {
            log.append_batch(&records).unwrap();
        } else {
            for record in &records {
                log.append(record).unwrap();
            }
        }
        if run.sync {
            log.sync().unwrap();
        }
    }
    log.close().unwrap();
    disk.kill_process();
}

type Wants = fn(&format::RecordHeader) -> bool;

/// What is asked for among some records, and what that means.
fn questions(among: &ReadOptions) -> [(ReadOptions, Wants); 5] {
    let all = || among.clone();
    [
        (all().tenant(TenantId::new(1)), |it| {
            it.scope.tenant.value() == 1
        }),
        (all().tenant(TenantId::new(3)), |it| {
            it.scope.tenant.value() == 3
        }),
        (all().vshard(VshardId::new(1)), |it| {
            it.scope.vshard.value() == 1
        }),
        (all().kinds(&[KINDS[1]]), |it| it.kind == KINDS[1].code()),
        (
            all().tenant(TenantId::new(2)).kinds(&[KINDS[0], KINDS[2]]),
            |it| {
                it.scope.tenant.value() == 2
                    && [KINDS[0].code(), KINDS[2].code()].contains(&it.kind)
            },
        ),
    ]
}

/// The records that are delivered, and whether there was no error. The read ends at an error if there
/// were as many before.
fn read(
    reader: &Reader,
    options: ReadOptions,
    errors_max: usize,
) -> (Vec<format::RecordHeader>, bool) {
    let mut records = reader.read(options).unwrap();
    let (mut headers, mut errors) = (Vec::new(), 0);
    loop {
        match records.next() {
            Ok(Some(record)) => headers.push(record.header),
            Ok(None) => return (headers, errors == 0),
            Err(_) if errors == errors_max => return (headers, false),
            Err(_) => errors += 1,
        }
    }
}

/// More than there are places of damage.
const ERRORS_MAX: usize = 1000;

fn only(headers: &[format::RecordHeader], wants: Wants) -> Vec<format::RecordHeader> {
    headers.iter().filter(|it| wants(it)).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_filtered_read_delivers_what_a_full_one_does_whole_or_damaged(
        runs in prop::collection::vec(run(), 20..120),
        flips in prop::collection::vec((0.0..1.0_f64, 0..8_u8), 1..4),
        windows in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 2),
    ) {
        let disk = SimDisk::new(1);
        write(&disk, &runs);
        let reader = Reader::open_on(disk.storage()).unwrap();
        let (all, is_whole) = read(&reader, ReadOptions::all(), 0);
        prop_assert!(is_whole);
        prop_assert_eq!(all.len(), runs.iter().map(|run| run.count).sum::<usize>());
        check_whole(&reader, &all, LsnRange { first: Lsn::FIRST, last: Lsn::MAX });
        for (from, until) in windows {
            let (a, b) = (Lsn::new(part_of(from, all.len())), Lsn::new(part_of(until, all.len())));
            check_whole(&reader, &all, LsnRange { first: a.min(b), last: a.max(b) });
        }
        damage(&disk, &reader, &flips);
        check_damaged(&reader, &all);
    }
}

fn check_whole(reader: &Reader, all: &[format::RecordHeader], lsns: LsnRange) {
    let among = ReadOptions::from(lsns.first).until(lsns.last);
    for (options, wants) in questions(&among) {
        let mut expected = only(all, wants);
        expected.retain(|it| lsns.first <= it.lsn && it.lsn <= lsns.last);
        let found = read(reader, options.clone(), 0);
        assert!(found == (expected, true), "{options:?}");
    }
}

/// Nothing but what was written is delivered, in order, and at least what a full read brings; and no
/// read ends too early as if that were the end.
fn check_damaged(reader: &Reader, all: &[format::RecordHeader]) {
    let (salvaged, mut is_whole) = read(reader, ReadOptions::all().salvage(), ERRORS_MAX);
    for (options, wants) in questions(&ReadOptions::all()) {
        let (wanted, left) = (only(all, wants), only(&salvaged, wants));
        let (found, is_found) = read(reader, options.clone().salvage(), ERRORS_MAX);
        assert!(is_part(&found, &wanted), "{options:?}");
        assert!(is_part(&left, &found), "{options:?}");
        let (before, is_end) = read(reader, options.clone(), 0);
        assert!(wanted.starts_with(&before), "{options:?}");
        assert!(!is_end || before == wanted, "{options:?}: an end too early");
        is_whole &= is_found && is_end;
    }
    let findings = reader.verify(&mut |_, _| {}).unwrap().findings;
    assert!(is_whole || !findings.is_empty(), "verify finds nothing");
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a short list"
)]
fn part_of(share: f64, len: usize) -> u64 {
    (share * len as f64) as u64 + 1
}

/// Flips bits of records: any byte of the segments' data.
fn damage(disk: &SimDisk, reader: &Reader, flips: &[(f64, u8)]) {
    for info in reader.segments().unwrap() {
        let name = info.path.file_name().unwrap().to_str().unwrap();
        let data = usize::try_from(info.data_bytes).unwrap() - 4096;
        for &(share, bit) in flips {
            let at = 4096 + part_of(share, data) - 1;
            disk.flip_bit(name, at, bit).unwrap();
        }
    }
}

/// Whether all of `some` are in `all`, in this order.
fn is_part(some: &[format::RecordHeader], all: &[format::RecordHeader]) -> bool {
    let mut all = all.iter();
    some.iter().all(|it| all.any(|other| other == it))
}
