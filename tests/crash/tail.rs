//! From every byte offset of the last two writes on, something else than what was written: opening
//! succeeds and keeps exactly the whole records before it. A file that is cut is refused.

use std::ops::Range;
use std::sync::Arc;

use nodedb_tests::lying::Lie;
use nodedb_tests::model::{Content, Model};
use nodedb_tests::player::{Door, Player, SEGMENT_BYTES, config};
use nodedb_tests::random::Random;
use nodedb_tests::scan::Scan;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Error, Log, Lsn, TailPolicy};

const NAME: &str = "wal-00000000000000000001.seg";

/// What a write holds: the payload lengths of its batches.
type Write = &'static [&'static [usize]];

/// How the log ends.
struct Tail {
    name: &'static str,
    writes: &'static [Write],
}

const TAILS: &[Tail] = &[
    Tail {
        name: "single records",
        writes: &[&[&[100]], &[&[40], &[33]], &[&[0], &[77], &[50]]],
    },
    Tail {
        name: "batches",
        writes: &[
            &[&[100]],
            &[&[10], &[20, 30, 40]],
            &[&[5, 0, 60], &[17, 18]],
        ],
    },
    Tail {
        name: "a record across blocks",
        writes: &[&[&[3700]], &[&[100, 60]], &[&[16], &[90]]],
    },
];

fn write_all(disk: &SimDisk, door: Door, tail_policy: TailPolicy, tail: &Tail, seed: u64) -> Model {
    let mut random = Random::new(seed);
    let log = Log::open(config(disk, door, tail_policy)).unwrap();
    let mut model = Model::new();
    for write in tail.writes {
        for batch in *write {
            let contents: Vec<_> = batch
                .iter()
                .map(|len| Arc::new(Content::put(&random.bytes(*len))))
                .collect();
            let records: Vec<_> = contents.iter().map(|content| content.record()).collect();
            model
                .appended(&contents, log.append_batch(&records).unwrap())
                .unwrap();
        }
        log.sync().unwrap();
    }
    model
}

/// The last record of the whole ones in front: those whose bytes are all as they were, and whose
/// batch ends among them.
fn last_whole(model: &Model, scan: &Scan, original: &[u8], now: &[u8]) -> u64 {
    let is_whole = |(_, bytes): &(u64, Range<usize>)| original[bytes.clone()] == now[bytes.clone()];
    let whole: Vec<u64> = scan
        .records()
        .take_while(is_whole)
        .map(|(lsn, _)| lsn)
        .collect();
    let ends = whole.iter().rev().find(|lsn| !model.continues(**lsn));
    ends.copied().unwrap_or(0)
}

fn check(tail: &Tail, door: Door, tail_policy: TailPolicy) -> Result<usize, String> {
    let (disk, twin) = (SimDisk::new(7), SimDisk::new(8));
    let model = write_all(&disk, door, tail_policy, tail, 1);
    // The same lengths in another life: the same places, the same LSNs, another salt.
    write_all(&twin, door, tail_policy, tail, 2);
    let original = disk.read_file(NAME).unwrap();
    let earlier = twin.read_file(NAME).unwrap();
    let garbage = Random::new(9).bytes(original.len());
    let zeros = vec![0; original.len()];
    let scan = Scan::of(&original).unwrap();
    let mut cases = 0;
    for from in scan.start_of_last_writes(2)..scan.data_end + 40 {
        // Inside long runs of zeros one place is as good as the next.
        let is_zeros = original[from - 64..from + 64].iter().all(|byte| *byte == 0);
        if is_zeros && !from.is_multiple_of(64) {
            continue;
        }
        for (what, fill) in [
            ("zeros", &zeros),
            ("garbage", &garbage),
            ("an earlier life", &earlier),
        ] {
            let mut now = original[..from].to_vec();
            now.extend_from_slice(&fill[from..]);
            let place = format!("{}, {tail_policy:?}: {what} from {from} on", tail.name);
            let fork = disk.fork();
            fork.patch(NAME, from as u64, &now[from..]).unwrap();
            let mut expected = model.clone();
            let kept = last_whole(&model, &scan, &original, &now);
            expected.ends_at(Lsn::new(kept)).unwrap();
            reopen(&fork, tail_policy, expected).map_err(|violation| {
                format!("{place}, keeping {kept}, after {cases} cases: {violation}")
            })?;
            cases += 1;
        }
        let fork = disk.fork();
        fork.truncate_file(NAME, from as u64).unwrap();
        match Log::open(config(&fork, Door::HONEST, tail_policy)) {
            Err(Error::SegmentLength {
                expected_bytes,
                found_bytes,
                ..
            }) => {
                assert_eq!((expected_bytes, found_bytes), (SEGMENT_BYTES, from as u64));
            }
            other => panic!("{} cut at {from}: {other:?}", tail.name),
        }
        cases += 1;
    }
    Ok(cases)
}

/// The log opens, holds exactly what it should, and lives on.
fn reopen(
    disk: &SimDisk,
    tail_policy: TailPolicy,
    expected: Model,
) -> Result<(), nodedb_tests::model::Violation> {
    let mut player = Player::new(disk.clone(), tail_policy, expected, Door::HONEST);
    player.must_open()?;
    player.must_commit(&[Arc::new(Content::put(b"life goes on"))])?;
    player.log = None;
    player.must_open()
}

#[test]
fn whatever_stands_behind_any_byte_of_the_last_two_writes_the_whole_records_before_it_stay() {
    let mut cases = 0;
    for tail in TAILS {
        for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
            cases += check(tail, Door::HONEST, tail_policy).unwrap();
        }
    }
    println!("tails: {cases}");
}

/// The checker checked: with the same salt in every life, an earlier life's records are taken for
/// new ones.
#[test]
fn leaving_out_the_salt_is_found() {
    let door = Door(|inner| Lie::NoChance.about(inner));
    for tail in TAILS {
        let found = check(tail, door, TailPolicy::Rewrite);
        assert!(found.is_err(), "{}: {found:?}", tail.name);
        println!("{found:?}");
    }
}
