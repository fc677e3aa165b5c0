//! Logs of which something that was acknowledged, or that helps to find it, is damaged.

use super::Case;
use crate::scribe::{DATA, Scribe, row};

/// Where the second copy of a header or trailer is in its block.
const MIRROR: u64 = 2048;

/// Where the version is in a header.
const VERSION: u64 = 8;

pub(super) fn cases() -> Vec<Case> {
    [records(), headers(), footers()]
        .into_iter()
        .flatten()
        .collect()
}

/// Five small rows, each in a write of its own, in a segment that is not sealed.
fn five_rows(scribe: &mut Scribe) -> String {
    scribe.open();
    scribe.rows(5);
    scribe.crash();
    scribe.segments().remove(0)
}

/// A sealed segment of full length with three rows, and one behind it with two.
fn two_segments(scribe: &mut Scribe) -> String {
    scribe.open();
    scribe.rows(3);
    scribe.rotate();
    scribe.rows(2);
    scribe.crash();
    scribe.segments().remove(0)
}

/// A closed log of three rows; also how long its file is.
fn closed(scribe: &mut Scribe) -> (String, u64) {
    scribe.open();
    scribe.rows(3);
    scribe.close();
    let name = scribe.segments().remove(0);
    let len = scribe.disk.read_file(&name).unwrap().len();
    (name, len as u64)
}

fn flip(scribe: &Scribe, name: &str, offset: u64) {
    scribe.disk.flip_bit(name, offset, 1).unwrap();
}

fn records() -> Vec<Case> {
    vec![
        Case::new(
            "flipped-bit-payload",
            "One bit of a payload in the middle: later writes say that it had been durable.",
            "error Damaged, 2..=4 at wal-1+4240",
            |scribe| {
                let name = five_rows(scribe);
                flip(scribe, &name, scribe.place_of(2).1 + 64 + 1);
            },
        ),
        Case::new(
            "flipped-bit-header",
            "One bit of a record header in the middle.",
            "error Damaged, 2..=4 at wal-1+4240",
            |scribe| {
                let name = five_rows(scribe);
                flip(scribe, &name, scribe.place_of(2).1 + 24);
            },
        ),
        Case::new(
            "flipped-bit-frontier",
            "One bit of a frontier in the middle: no record is lost.",
            "clean end, records 1..=5 in 1 segments, scars at [4320]",
            |scribe| {
                let name = five_rows(scribe);
                flip(scribe, &name, scribe.place_of(2).1 + 80 + 24);
            },
        ),
        Case::new(
            "flipped-bit-sealed",
            "One bit of a record in a sealed segment: found when it is read, not when it is opened.",
            "clean end, records 1..=5 in 2 segments",
            |scribe| {
                let name = two_segments(scribe);
                flip(scribe, &name, scribe.place_of(2).1 + 64 + 1);
            },
        ),
        Case::new(
            "lost-write",
            "An acknowledged write is zeros, and a later one is there.",
            "error Damaged, 2..=3 at wal-1+8192",
            |scribe| {
                scribe.open_with(nodedb_wal::TailPolicy::Pad);
                scribe.rows(4);
                scribe.crash();
                let (name, at) = scribe.place_of(2);
                scribe.zero(&name, at..at + 4096);
            },
        ),
        Case::new(
            "lost-end",
            "The last record of a batch is gone although a later write, now also gone but for its \
             frontier, knew it to be durable.",
            "error Damaged, 3..=3 at wal-1+4384",
            |scribe| {
                scribe.open();
                scribe.rows(2);
                scribe.append(&row(b"the end"));
                scribe.commit();
                scribe.rows(1);
                scribe.crash();
                let (name, third) = scribe.place_of(3);
                let (_, fourth) = scribe.place_of(4);
                scribe.zero(&name, third..fourth + 80);
            },
        ),
    ]
}

fn headers() -> Vec<Case> {
    vec![
        Case::new(
            "damaged-header",
            "The first copy of the segment header is damaged; the second serves.",
            "clean end, records 1..=5 in 1 segments",
            |scribe| {
                let name = five_rows(scribe);
                scribe.zero(&name, 0..512);
            },
        ),
        Case::new(
            "damaged-header-mirror",
            "The second copy of the segment header is damaged.",
            "clean end, records 1..=5 in 1 segments",
            |scribe| {
                let name = five_rows(scribe);
                flip(scribe, &name, MIRROR + 40);
            },
        ),
        Case::new(
            "damaged-header-version",
            "One bit of the version in the first copy: damage, not the future.",
            "clean end, records 1..=5 in 1 segments",
            |scribe| {
                let name = five_rows(scribe);
                flip(scribe, &name, VERSION);
            },
        ),
        Case::new(
            "damaged-header-both",
            "Neither copy of the segment header is whole.",
            "error SegmentHeader, Damaged in wal-1",
            |scribe| {
                let name = five_rows(scribe);
                flip(scribe, &name, 40);
                flip(scribe, &name, MIRROR + 40);
            },
        ),
    ]
}

fn footers() -> Vec<Case> {
    vec![
        Case::new(
            "damaged-footer",
            "The footer of an older segment is damaged: its records are read without it.",
            "clean end, records 1..=5 in 2 segments",
            |scribe| {
                let name = two_segments(scribe);
                flip(scribe, &name, DATA + 4096 + 64 + 8);
            },
        ),
        Case::new(
            "damaged-footer-last",
            "The footer of a closed log's last segment is damaged. It takes no record, and opening says so.",
            "clean end, records 1..=3 in 1 segments, scars at [8192]",
            |scribe| {
                let (name, _) = closed(scribe);
                flip(scribe, &name, DATA + 4096 + 64 + 8);
            },
        ),
        Case::new(
            "damaged-trailer",
            "The first copy of an older segment's trailer is damaged; the second serves.",
            "clean end, records 1..=5 in 2 segments",
            |scribe| {
                let name = two_segments(scribe);
                flip(scribe, &name, crate::scribe::SEGMENT_BYTES - 4096 + 40);
            },
        ),
        Case::new(
            "damaged-trailer-both",
            "Neither copy of an older segment's trailer is whole: it is as if it were not sealed.",
            "clean end, records 1..=5 in 2 segments",
            |scribe| {
                let name = two_segments(scribe);
                let trailer = crate::scribe::SEGMENT_BYTES - 4096;
                flip(scribe, &name, trailer + 40);
                flip(scribe, &name, trailer + MIRROR + 40);
            },
        ),
        Case::new(
            "damaged-trailer-closed",
            "Neither copy of a closed log's trailer is whole: nothing says why the file is short.",
            "error SegmentLength, 16384 bytes in place of 65536 in wal-1",
            |scribe| {
                let (name, len) = closed(scribe);
                flip(scribe, &name, len - 4096 + 40);
                flip(scribe, &name, len - 4096 + MIRROR + 40);
            },
        ),
    ]
}
