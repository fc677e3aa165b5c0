//! Logs on which nothing went wrong, in every shape a log can have.

use std::time::Duration;

use nodedb_wal::*;

use super::Case;
use crate::scribe::{Scribe, filling, row, scope};

pub(super) fn cases() -> Vec<Case> {
    [plain(), sealed(), reopened(), retired()]
        .into_iter()
        .flatten()
        .collect()
}

fn plain() -> Vec<Case> {
    vec![
        Case::new(
            "empty",
            "A log that was opened and never written to.",
            "clean end, no records from 1 on in 1 segments",
            |scribe| {
                scribe.open();
                scribe.crash();
            },
        ),
        Case::new(
            "sizes",
            "Payloads of every length modulo the alignment, and records across blocks.",
            "clean end, records 1..=12 in 1 segments",
            |scribe| {
                scribe.open();
                for len in [0, 1, 15, 16, 17, 63, 64, 4031, 4032, 4033, 4096, 9000] {
                    scribe.append(&row(&filling(len)));
                }
                scribe.commit();
                scribe.crash();
            },
        ),
        Case::new(
            "padded-tail",
            "Each write starts a block of its own, for disks whose sectors can tear.",
            "clean end, records 1..=3 in 1 segments",
            |scribe| {
                scribe.open_with(TailPolicy::Pad);
                scribe.rows(3);
                scribe.crash();
            },
        ),
        Case::new(
            "batch",
            "A batch of three between two records of their own.",
            "clean end, records 1..=5 in 1 segments",
            |scribe| {
                scribe.open();
                scribe.rows(1);
                scribe.append_batch(&[row(b"first"), row(b"second"), row(b"third")]);
                scribe.commit();
                scribe.rows(1);
                scribe.crash();
            },
        ),
        Case::new(
            "clock-set-back",
            "The clock went back an hour: timestamps stay where they were until it has caught up.",
            "clean end, records 1..=4 in 1 segments",
            |scribe| {
                scribe.open();
                scribe.rows(2);
                let hour = 3_600_000_000_000;
                let back = Timestamp::from_nanos(scribe.disk.time().as_nanos() - hour);
                scribe.disk.set_time(back);
                scribe.rows(1);
                scribe.disk.advance(Duration::from_secs(2 * 3600));
                scribe.rows(1);
                scribe.crash();
            },
        ),
    ]
}

fn sealed() -> Vec<Case> {
    vec![
        Case::new(
            "sealed",
            "A log that was closed: footer and trailer, and the file cut behind them.",
            "clean end, records 1..=5 in 1 segments",
            |scribe| {
                scribe.open();
                mixed(scribe);
                scribe.close();
            },
        ),
        Case::new(
            "grains",
            "A closed log whose footer says of each 8 KiB which of two tenants it holds.",
            "clean end, records 1..=5 in 1 segments",
            |scribe| {
                scribe.open();
                for tenant in [7, 7, 8, 7, 7] {
                    // Bytes that are the same keep the file short as text.
                    scribe.append(&Record::raw(RecordKind::Put, scope(tenant), &[0; 6000]));
                }
                scribe.commit();
                scribe.close();
            },
        ),
        Case::new(
            "several-segments",
            "Two sealed segments of full length and one that is being written.",
            "clean end, records 1..=9 in 3 segments",
            |scribe| {
                scribe.open();
                mixed(scribe);
                scribe.rotate();
                scribe.rows(2);
                scribe.rotate();
                scribe.rows(2);
                scribe.crash();
            },
        ),
        Case::new(
            "full-segments",
            "Segments that ended because the next record did not fit.",
            "clean end, records 1..=5 in 3 segments",
            |scribe| {
                scribe.open();
                for _ in 0..5 {
                    // Bytes that are the same keep the file short as text.
                    scribe.append(&row(&vec![0; 20_000]));
                }
                scribe.commit();
                scribe.crash();
            },
        ),
    ]
}

fn reopened() -> Vec<Case> {
    vec![
        Case::new(
            "reopened",
            "A log that was closed and opened again: the second run has a segment of its own.",
            "clean end, records 1..=4 in 2 segments",
            |scribe| {
                scribe.open();
                scribe.rows(2);
                scribe.close();
                scribe.open();
                scribe.rows(2);
                scribe.crash();
            },
        ),
        Case::new(
            "reopened-empty",
            "A closed log that was opened again and not written to: the last segment has no record.",
            "clean end, records 1..=2 in 2 segments",
            |scribe| {
                scribe.open();
                scribe.rows(2);
                scribe.close();
                scribe.open();
                scribe.crash();
            },
        ),
        Case::new(
            "recovered",
            "A torn tail that was recovered from: its bytes are behind the end of a sealed segment.",
            "clean end, records 1..=4 in 2 segments",
            |scribe| {
                scribe.open();
                scribe.rows(3);
                scribe.crash();
                let (name, offset) = scribe.place_of(3);
                scribe.disk.flip_bit(&name, offset + 64, 0).unwrap();
                scribe.open();
                scribe.rows(2);
                scribe.crash();
            },
        ),
    ]
}

fn retired() -> Vec<Case> {
    vec![
        Case::new(
            "truncated",
            "The oldest of three segments was truncated away, and its file kept for use again.",
            "clean end, records 4..=9 in 2 segments",
            truncated,
        ),
        Case::new(
            "recycled",
            "A segment in the file of an older one, whose bytes show behind the end.",
            "clean end, records 4..=10 in 3 segments",
            |scribe| {
                truncated(scribe);
                scribe.open();
                // Reopening took the file of the first segment.
                scribe.rows(1);
                scribe.crash();
            },
        ),
    ]
}

/// Records of several kinds, tenants, collections and epochs, two of them control records.
fn mixed(scribe: &mut Scribe) {
    let records = [
        (RecordKind::Put, 7, "orders", 1),
        (RecordKind::Delete, 8, "orders", 1),
        (RecordKind::CollectionTombstoned, 7, "orders", 2),
        (RecordKind::Put, 7, "notes", 3),
        (RecordKind::Checkpoint, 9, "", 3),
    ];
    for (kind, tenant, collection, epoch) in records {
        let mut record = Record::raw(kind, scope(tenant), collection.as_bytes());
        record.epoch = Epoch::new(epoch);
        if !collection.is_empty() {
            record.collection = CollectionTag::of(collection);
        }
        scribe.append(&record);
        scribe.commit();
    }
}

/// Three segments of three records, of which the first was retired.
fn truncated(scribe: &mut Scribe) {
    scribe.open();
    // The records of the first are long: there are whole ones behind the first block, which the
    // next life of the file begins with.
    for (segment, len) in [3000, 30, 30].into_iter().enumerate() {
        if segment > 0 {
            scribe.rotate();
        }
        for _ in 0..3 {
            scribe.append(&row(&filling(len)));
            scribe.commit();
        }
    }
    scribe.log().truncate_before(Lsn::new(4)).unwrap();
    scribe.crash();
}
