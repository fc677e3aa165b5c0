//! Files that are missing, renamed, copied from elsewhere, cut, or of another version: each has an
//! error of its own, and nothing is changed by finding out.

use std::sync::Arc;

use nodedb_tests::model::{Content, Model};
use nodedb_tests::player::{Door, Player, SEGMENT_BYTES, config};
use nodedb_tests::workload::Step;
use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::format::layout::segment;
use nodedb_wal::format::{SegmentHeader, SegmentHeaderFault};
use nodedb_wal::storage::sim::{FaultPlan, ReadFault, SimDisk};
use nodedb_wal::{Error, Log, Lsn, LsnRange, ReadOptions, Reader, TailPolicy};

/// Segment `at` of the log below holds records `3 * at + 1` to `3 * at + 3`.
const SEGMENTS: u64 = 4;

fn name(at: u64) -> String {
    format!("wal-{:020}.seg", 3 * at + 1)
}

fn lsns(first: u64, last: u64) -> LsnRange {
    LsnRange {
        first: Lsn::new(first),
        last: Lsn::new(last),
    }
}

/// Three sealed segments and an active one, each of three committed records; the log is not closed.
fn log_on(disk: &SimDisk, text: &str) -> Player {
    let mut player = Player::new(
        disk.clone(),
        TailPolicy::Rewrite,
        Model::new(),
        Door::HONEST,
    );
    player.must_open().unwrap();
    for at in 0..SEGMENTS {
        for _ in 0..3 {
            let content = Content::put(format!("{text} {at}").as_bytes());
            player.must_commit(&[Arc::new(content)]).unwrap();
        }
        if at + 1 < SEGMENTS {
            player.apply(&Step::Rotate).unwrap();
        }
    }
    player.log = None;
    player
}

fn disk(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    log_on(&disk, "own");
    disk
}

/// Opening `disk` fails with an error that `is_right`, and changes nothing.
fn refuses(disk: &SimDisk, is_right: impl Fn(&Error) -> bool) {
    let before: Vec<_> = contents(disk);
    let error = Log::open(config(disk, Door::HONEST, TailPolicy::Rewrite)).unwrap_err();
    assert!(is_right(&error), "{error:?}");
    assert!(before == contents(disk), "something was changed: {error:?}");
    let error = Reader::open_on(disk.storage()).unwrap_err();
    assert!(is_right(&error), "a reader says {error:?}");
}

fn contents(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = disk.read_file(&name).unwrap();
        (name, bytes)
    };
    disk.names().into_iter().map(read).collect()
}

#[test]
fn a_missing_segment_is_named_with_its_records() {
    let cases = [
        (0, lsns(1, 3)),
        (1, lsns(4, 6)),
        (2, lsns(7, 9)),
        // Nobody knows how many there were.
        (3, lsns(10, 10)),
    ];
    for (at, missing) in cases {
        let disk = disk(1);
        disk.remove_file(&name(at)).unwrap();
        refuses(
            &disk,
            |error| matches!(error, Error::MissingSegment { lsns, .. } if *lsns == missing),
        );
    }
}

#[test]
fn a_salvage_goes_on_behind_a_missing_segment() {
    for at in 0..SEGMENTS {
        for is_removed in [true, false] {
            let disk = disk(1);
            if is_removed {
                disk.remove_file(&name(at)).unwrap();
            } else {
                disk.patch(&name(at), 0, &[0xff; 4096]).unwrap();
            }
            let reader = Reader::open_damaged_on(disk.storage()).unwrap();
            let mut records = reader.read(ReadOptions::all().salvage()).unwrap();
            // A read that would never end ends here.
            let reads_at = [(disk.reads() + 1000, ReadFault::Error)].into();
            disk.set_faults(FaultPlan {
                reads_at,
                ..FaultPlan::default()
            });
            let mut read = Vec::new();
            let mut told = Vec::new();
            loop {
                match records.next() {
                    Ok(Some(record)) => read.push(record.lsn().value()),
                    Ok(None) => break,
                    Err(Error::MissingSegment { lsns, .. }) => told.push(lsns),
                    Err(error) => panic!("segment {at}: {error:?}"),
                }
            }
            let gone = 3 * at + 1..=3 * at + 3;
            let expected: Vec<u64> = (1..=12).filter(|lsn| !gone.contains(lsn)).collect();
            assert_eq!(read, expected, "segment {at}");
            // In front of the first and behind the last there is nothing to go on from.
            let is_between = at > 0 && at + 1 < SEGMENTS;
            assert_eq!(
                told,
                if is_between {
                    vec![lsns(3 * at + 1, 3 * at + 3)]
                } else {
                    vec![]
                }
            );
        }
    }
}

#[test]
fn a_file_under_another_name_is_told() {
    for (from, to) in [(1, 100), (1, 0), (3, 100), (0, 2)] {
        let disk = disk(1);
        let bytes = disk.read_file(&name(from)).unwrap();
        disk.write_file(&name(to), &bytes);
        refuses(&disk, |error| {
            matches!(error, Error::OverlappingSegments { .. })
        });
        if to == 100 {
            disk.remove_file(&name(from)).unwrap();
            refuses(&disk, |error| {
                matches!(error, Error::OverlappingSegments { .. })
            });
        }
    }
}

#[test]
fn a_segment_of_another_log_is_told() {
    let other = disk(2);
    for at in 0..SEGMENTS {
        let disk = disk(1);
        disk.copy_file_from(&other, &name(at)).unwrap();
        refuses(
            &disk,
            |error| matches!(error, Error::ForeignSegment { path, .. } if path.ends_with(name(at))),
        );
    }
}

/// A segment of another log was copied into the directory by mistake. That log had been truncated
/// up to it. Opening took its word for where the log starts, took all of this log's own segments
/// for truncated away, and deleted them.
#[test]
fn a_foreign_segment_does_not_decide_where_the_log_starts() {
    let other = SimDisk::new(2);
    let mut player = log_on(&other, "other");
    player.must_open().unwrap();
    for _ in 0..2 {
        let content = Arc::new(Content::put(b"more"));
        player.must_commit(&[content]).unwrap();
        player.apply(&Step::Rotate).unwrap();
    }
    player.apply(&Step::Truncate { percent: 200 }).unwrap();
    player.apply(&Step::Reopen { clean: true }).unwrap();
    player.log = None;
    for foreign in other
        .names()
        .iter()
        .filter(|name| name.starts_with("wal-0"))
    {
        let disk = disk(1);
        disk.copy_file_from(&other, foreign).unwrap();
        refuses(&disk, |error| matches!(error, Error::ForeignSegment { .. }));
    }
}

/// The same log went on in two copies of its directory, and their files were mixed.
#[test]
fn a_segment_of_another_history_is_told() {
    let disk = SimDisk::new(1);
    let mut player = Player::new(
        disk.clone(),
        TailPolicy::Rewrite,
        Model::new(),
        Door::HONEST,
    );
    player.must_open().unwrap();
    player
        .must_commit(&[Arc::new(Content::put(b"common"))])
        .unwrap();
    player.log = None;
    let histories: Vec<SimDisk> = [2, 2, 3]
        .iter()
        .enumerate()
        .map(|(which, count)| {
            let fork = disk.fork();
            let model = player.model.clone();
            let mut player = Player::new(fork.clone(), TailPolicy::Rewrite, model, Door::HONEST);
            player.must_open().unwrap();
            for _ in 0..*count {
                let text = format!("history {which}");
                let content = Arc::new(Content::put(text.as_bytes()));
                player.must_commit(&[content]).unwrap();
            }
            player.apply(&Step::Reopen { clean: true }).unwrap();
            player
                .must_commit(&[Arc::new(Content::put(b"end"))])
                .unwrap();
            fork
        })
        .collect();
    let middle = "wal-00000000000000000002.seg";
    let mixed = |own: usize, other: usize| {
        let disk = histories[own].fork();
        disk.copy_file_from(&histories[other], middle).unwrap();
        disk
    };
    let is_replaced = |error: &Error| matches!(error, Error::ReplacedSegment { .. });
    refuses(&mixed(0, 1), is_replaced);
    refuses(&mixed(0, 2), |error| {
        matches!(error, Error::OverlappingSegments { .. })
    });
    refuses(&mixed(2, 0), |error| {
        matches!(error, Error::MissingSegment { .. })
    });
}

#[test]
fn a_file_of_another_length_is_told_with_both_lengths() {
    let disk = disk(1);
    for at in 0..SEGMENTS {
        let made = disk.read_file(&name(at)).unwrap().len() as u64;
        assert_eq!(made, SEGMENT_BYTES);
        let cuts = (0..made / 4096).map(|block| block * 4096);
        let odd = [1, 4095, 5000, made - 1, made + 1, made + 4096, made * 2];
        for len in cuts.chain(odd) {
            let disk = disk.fork();
            disk.truncate_file(&name(at), len).unwrap();
            refuses(&disk, |error| {
                let Error::SegmentLength {
                    path,
                    expected_bytes,
                    found_bytes,
                } = error
                else {
                    return false;
                };
                // Without a header nobody knows how long the file was made.
                let expected = if len < 128 { 4096 } else { made };
                path.ends_with(name(at)) && (*expected_bytes, *found_bytes) == (expected, len)
            });
        }
    }
}

/// Block 0 of `disk`'s segment `at` with this version.
fn with_version(disk: &SimDisk, at: u64, version: u32) {
    let bytes = disk.read_file(&name(at)).unwrap();
    let header = SegmentHeader::decode_block(bytes.first_chunk().unwrap()).unwrap();
    let mut block = header.encode_block();
    for copy in [0, 2048] {
        let copy = &mut block[copy..copy + segment::BYTES];
        copy[segment::version.offset..][..4].copy_from_slice(&version.to_le_bytes());
        let crc = crc32c(&copy[..segment::header_crc.offset]);
        copy[segment::header_crc.offset..].copy_from_slice(&crc.to_le_bytes());
    }
    disk.patch(&name(at), 0, &block).unwrap();
}

#[test]
fn another_version_is_told_as_such() {
    for at in 0..SEGMENTS {
        for found in [0, 2, 7] {
            let disk = disk(1);
            with_version(&disk, at, found);
            let expected = match found {
                0 => SegmentHeaderFault::TooOld { found },
                _ => SegmentHeaderFault::TooNew { found },
            };
            refuses(&disk, |error| {
                matches!(error, Error::SegmentHeader { source, path }
                    if *source == expected && path.ends_with(name(at)))
            });
        }
    }
}

#[test]
fn a_header_of_garbage_is_damage() {
    for at in 0..SEGMENTS {
        let disk = disk(1);
        disk.patch(&name(at), 0, &[0xa5; 4096]).unwrap();
        refuses(&disk, |error| {
            let source = SegmentHeaderFault::Damaged;
            matches!(error, Error::SegmentHeader { source: found, .. } if *found == source)
        });
    }
}

#[test]
fn a_log_is_opened_once_at_a_time() {
    let disk = disk(1);
    let settings = || config(&disk, Door::HONEST, TailPolicy::Rewrite);
    let log = Log::open(settings()).unwrap();
    let before = contents(&disk);
    let second = Log::open(settings()).unwrap_err();
    assert!(matches!(second, Error::Locked { .. }), "{second:?}");
    assert!(before == contents(&disk));
    log.close().unwrap();
    Log::open(settings()).unwrap();
}
