//! Logs that say what this version does not know: versions, kinds and flags to come, or long gone.

use nodedb_wal::format::layout::{segment, trailer};
use nodedb_wal::types::{KindCode, RecordFlags};

use super::Case;
use crate::scribe::{SEGMENT_BYTES, Scribe};

/// The number that stands for kinds to come. It is never to be given to one.
const UNKNOWN: u16 = 250;

/// A flag of records to come: the highest bit.
const UNKNOWN_RECORD_FLAG: u16 = 1 << 15;

/// A flag of headers and trailers to come.
const UNKNOWN_FLAG: u32 = 1 << 31;

pub(super) fn cases() -> Vec<Case> {
    [kinds(), flags(), versions()]
        .into_iter()
        .flatten()
        .collect()
}

/// Three small rows in a segment that is not sealed.
fn three_rows(scribe: &mut Scribe) -> String {
    scribe.open();
    scribe.rows(3);
    scribe.crash();
    scribe.segments().remove(0)
}

/// Two segments, the first of them sealed at full length.
fn two_segments(scribe: &mut Scribe) -> Vec<String> {
    scribe.open();
    scribe.rows(3);
    scribe.rotate();
    scribe.rows(2);
    scribe.crash();
    scribe.segments()
}

fn with_kind(scribe: &mut Scribe, kind: u16) {
    three_rows(scribe);
    scribe.restamp_record(2, |header| header.kind = KindCode::from_bits(kind));
}

fn kinds() -> Vec<Case> {
    let open = "clean end, records 1..=3 in 1 segments";
    vec![
        Case::new(
            "unknown-optional-kind",
            "A kind to come that may be passed over.",
            open,
            |scribe| with_kind(scribe, UNKNOWN),
        ),
        Case::new(
            "unknown-required-kind",
            "A kind to come that must not be passed over: reading stops in front of it.",
            open,
            |scribe| with_kind(scribe, UNKNOWN | KindCode::REQUIRED),
        ),
        Case::new(
            "wrong-required-bit",
            "The number of a required kind with the bit of an optional one: an unknown kind.",
            open,
            |scribe| with_kind(scribe, 1),
        ),
        Case::new(
            "unknown-kinds-sealed",
            "Kinds to come, in a segment that this version sealed: they are in its footer.",
            "clean end, records 1..=4 in 2 segments",
            |scribe| {
                with_kind(scribe, UNKNOWN);
                scribe.restamp_record(3, |header| {
                    header.kind = KindCode::from_bits(UNKNOWN | KindCode::REQUIRED);
                });
                scribe.open();
                scribe.rows(1);
                scribe.crash();
            },
        ),
    ]
}

fn flags() -> Vec<Case> {
    vec![
        Case::new(
            "unknown-record-flag",
            "A flag to come in a record: what the record says cannot be known.",
            "error UnknownRecordFlags, 0x8000 of 2 at wal-1+4240",
            |scribe| {
                three_rows(scribe);
                scribe.restamp_record(2, |header| {
                    header.flags = header
                        .flags
                        .with(RecordFlags::from_bits(UNKNOWN_RECORD_FLAG));
                });
            },
        ),
        Case::new(
            "reserved-record-flag",
            "The reserved flag of compressed payloads.",
            "error UnknownRecordFlags, 0x0004 of 2 at wal-1+4240",
            |scribe| {
                three_rows(scribe);
                scribe.restamp_record(2, |header| {
                    header.flags = header.flags.with(RecordFlags::from_bits(4));
                });
            },
        ),
        Case::new(
            "unknown-segment-flag",
            "A flag to come in a segment header.",
            "error SegmentHeader, UnknownFlags { flags: 2147483648 } in wal-1",
            |scribe| {
                let name = three_rows(scribe);
                scribe.restamp_segment(&name, segment::flags, UNKNOWN_FLAG);
            },
        ),
        Case::new(
            "unknown-trailer-flag",
            "A flag to come in the trailer of a sealed segment.",
            "error UnknownTrailerFlags, 0x80000000 in wal-1",
            |scribe| {
                let names = two_segments(scribe);
                for copy in [0, 2048] {
                    let offset = SEGMENT_BYTES - 4096 + copy;
                    let value = UNKNOWN_FLAG | 1;
                    scribe.restamp(
                        &names[0],
                        offset,
                        trailer::flags,
                        value,
                        trailer::trailer_crc,
                    );
                }
            },
        ),
    ]
}

fn versions() -> Vec<Case> {
    vec![
        Case::new(
            "future-version",
            "The next version. Its checksum is not where this version looks for it.",
            "error SegmentHeader, TooNew { found: 2 } in wal-1",
            |scribe| {
                let name = three_rows(scribe);
                for copy in [0, 2048] {
                    let version = u64::try_from(segment::version.offset).unwrap();
                    scribe.disk.patch(&name, copy + version, &[2]).unwrap();
                }
            },
        ),
        Case::new(
            "future-version-last",
            "A later version of the program went on with the log: its segment is the last.",
            "error SegmentHeader, TooNew { found: 4294967295 } in wal-4",
            |scribe| {
                let names = two_segments(scribe);
                scribe.restamp_segment(&names[1], segment::version, u32::MAX);
            },
        ),
        Case::new(
            "past-version",
            "A version before the first.",
            "error SegmentHeader, TooOld { found: 0 } in wal-1",
            |scribe| {
                let name = three_rows(scribe);
                scribe.restamp_segment(&name, segment::version, 0);
            },
        ),
    ]
}
