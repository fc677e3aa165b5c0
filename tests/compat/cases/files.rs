//! Logs whose files were cut, removed, renamed or mixed up, or lie among others.

use super::Case;
use crate::scribe::{SEGMENT_BYTES, Scribe, row};

pub(super) fn cases() -> Vec<Case> {
    [lengths(), missing(), mixed_up()]
        .into_iter()
        .flatten()
        .collect()
}

/// Three segments of two rows: two sealed ones, and the last.
fn three_segments(scribe: &mut Scribe) -> Vec<String> {
    scribe.open();
    for segment in 0..3 {
        if segment > 0 {
            scribe.rotate();
        }
        scribe.rows(2);
    }
    scribe.crash();
    scribe.segments()
}

fn lengths() -> Vec<Case> {
    let resized = |name, story, open, len: u64| {
        Case::new(name, story, open, move |scribe: &mut Scribe| {
            scribe.open();
            scribe.rows(3);
            scribe.crash();
            let name = scribe.segments().remove(0);
            scribe.disk.truncate_file(&name, len).unwrap();
        })
    };
    vec![
        resized(
            "cut-file",
            "A segment file was cut behind its last record.",
            "error SegmentLength, 32768 bytes in place of 65536 in wal-1",
            SEGMENT_BYTES / 2,
        ),
        resized(
            "cut-to-nothing",
            "A segment file was cut to no bytes at all.",
            "error SegmentLength, 0 bytes in place of 4096 in wal-1",
            0,
        ),
        resized(
            "extended-file",
            "A segment file was made longer.",
            "error SegmentLength, 69632 bytes in place of 65536 in wal-1",
            SEGMENT_BYTES + 4096,
        ),
        Case::new(
            "cut-sealed-file",
            "A closed log's file was cut by its last block.",
            "error SegmentLength, 12288 bytes in place of 65536 in wal-1",
            |scribe| {
                scribe.open();
                scribe.rows(3);
                scribe.close();
                let name = scribe.segments().remove(0);
                let len = scribe.disk.read_file(&name).unwrap().len() as u64;
                scribe.disk.truncate_file(&name, len - 4096).unwrap();
            },
        ),
    ]
}

fn missing() -> Vec<Case> {
    let without = |name, story, open, which: usize| {
        Case::new(name, story, open, move |scribe: &mut Scribe| {
            let names = three_segments(scribe);
            scribe.disk.remove_file(&names[which]).unwrap();
        })
    };
    vec![
        without(
            "missing-first-segment",
            "The oldest segment was removed by something else than truncation.",
            "error MissingSegment, 1..=2 before wal-3",
            0,
        ),
        without(
            "missing-segment",
            "A segment in the middle was removed.",
            "error MissingSegment, 3..=4 before wal-5",
            1,
        ),
        without(
            "missing-last-segment",
            "The newest segment was removed: the one before says that there was one.",
            "error MissingSegment, 5..=5 before the directory",
            2,
        ),
    ]
}

fn mixed_up() -> Vec<Case> {
    vec![
        Case::new(
            "foreign-log-id",
            "A segment of another log in the place of this one's.",
            "error ForeignSegment, log d7ac8318f02d5d780d796ad26c7b23e8 in place of \
             6d47fc064be290b2f2df24a5f7291afe in wal-3",
            |scribe| {
                let names = three_segments(scribe);
                let mut other = Scribe::new("another log");
                three_segments(&mut other);
                scribe.disk.copy_file_from(&other.disk, &names[1]).unwrap();
            },
        ),
        Case::new(
            "renamed-segment",
            "A segment under the name of another.",
            "error OverlappingSegments, at 3 in wal-4",
            |scribe| {
                let names = three_segments(scribe);
                let bytes = scribe.disk.read_file(&names[1]).unwrap();
                scribe.disk.remove_file(&names[1]).unwrap();
                scribe
                    .disk
                    .write_file("wal-00000000000000000004.seg", &bytes);
            },
        ),
        Case::new(
            "replaced-segment",
            "A segment of the same log, from a copy of the directory that went on by itself.",
            "error ReplacedSegment, wal-1",
            |scribe| {
                scribe.open();
                scribe.crash();
                let mut other = Scribe::on(scribe.disk.fork());
                for (scribe, payload) in [(&mut *scribe, b"this"), (&mut other, b"that")] {
                    scribe.open();
                    scribe.append(&row(payload));
                    scribe.rotate();
                    scribe.rows(1);
                    scribe.crash();
                }
                let name = scribe.segments().remove(0);
                scribe.disk.copy_file_from(&other.disk, &name).unwrap();
            },
        ),
        Case::new(
            "other-files",
            "Prepared and unfinished space, and files that are not the log's.",
            "clean end, records 1..=2 in 1 segments",
            |scribe| {
                scribe.open();
                scribe.rows(2);
                scribe.crash();
                let first = scribe.disk.read_file(&scribe.segments()[0]).unwrap();
                let prepared = "prepared-00000000000000000007.seg";
                scribe.disk.write_file(prepared, &first);
                scribe
                    .disk
                    .write_file("prepared-00000000000000000008.tmp", &first[..4096]);
                scribe
                    .disk
                    .write_file("wal-3.seg", b"not a name of the log's");
                scribe.disk.write_file("README", b"kept beside a log");
            },
        ),
    ]
}
