//! Logs whose end a crash left in every state it can be in. Nothing of what is missing was
//! acknowledged.

use super::Case;
use crate::scribe::{DATA, Scribe, filling, next_block, row};

/// A record header, and a frontier.
const HEADER: u64 = 64;

pub(super) fn cases() -> Vec<Case> {
    [torn(), noise(), batches()].into_iter().flatten().collect()
}

/// Three small rows, then a record of `len` bytes at the end; gives the place of that.
fn with_last(scribe: &mut Scribe, len: usize) -> (String, u64) {
    scribe.open();
    scribe.rows(3);
    scribe.append(&row(&filling(len)));
    scribe.commit();
    scribe.crash();
    scribe.place_of(4)
}

fn torn() -> Vec<Case> {
    vec![
        Case::new(
            "zero-tail",
            "Nothing but space that was never written to behind the last write.",
            "clean end, records 1..=4 in 1 segments",
            |scribe| {
                with_last(scribe, 100);
            },
        ),
        Case::new(
            "torn-header",
            "The last write was cut in the middle of a record header.",
            "torn tail, records 1..=3 in 1 segments, 0 records dropped from wal-1+4528 on",
            |scribe| {
                let (name, at) = with_last(scribe, 100);
                scribe.zero(&name, at + HEADER / 2..next_block(at));
            },
        ),
        Case::new(
            "torn-payload",
            "Of the last write the first block reached the disk: header and half a payload.",
            "torn tail, records 1..=3 in 1 segments, 0 records dropped from wal-1+4528 on",
            |scribe| {
                let (name, at) = with_last(scribe, 6000);
                scribe.zero(&name, next_block(at)..next_block(at) + 8192);
            },
        ),
        Case::new(
            "torn-middle",
            "Of a write of many records the middle did not reach the disk and the end did.",
            "torn tail, records 1..=6 in 1 segments, 1 records dropped from wal-1+7744 on",
            |scribe| {
                scribe.open();
                scribe.rows(3);
                for _ in 0..9 {
                    scribe.append(&row(&filling(1000)));
                }
                scribe.commit();
                scribe.crash();
                let (name, _) = scribe.place_of(6);
                scribe.zero(&name, DATA + 4096..DATA + 8192);
            },
        ),
        Case::new(
            "lost-frontier",
            "The last frontier did not reach the disk, the record in front of it did.",
            "clean end, records 1..=4 in 1 segments",
            |scribe| {
                let (name, at) = with_last(scribe, 100);
                scribe.zero(&name, at + HEADER + 112..next_block(at));
            },
        ),
    ]
}

fn noise() -> Vec<Case> {
    vec![
        Case::new(
            "garbage-tail",
            "Bytes that nobody wrote directly behind the last frontier.",
            "torn tail, records 1..=4 in 1 segments, 0 records dropped from wal-1+4768 on",
            |scribe| {
                let (name, at) = with_last(scribe, 100);
                let end = at + HEADER + 112 + HEADER;
                scribe.garble(&name, end..next_block(at));
            },
        ),
        Case::new(
            "garbage-block",
            "Bytes that nobody wrote from the next block on: space, as in a file's earlier life.",
            "clean end, records 1..=4 in 1 segments",
            |scribe| {
                let (name, at) = with_last(scribe, 100);
                scribe.garble(&name, next_block(at)..next_block(at) + 4096);
            },
        ),
        Case::new(
            "garbage-in-record",
            "The last block of the last write holds something else.",
            "torn tail, records 1..=3 in 1 segments, 0 records dropped from wal-1+4528 on",
            |scribe| {
                let (name, at) = with_last(scribe, 6000);
                scribe.garble(&name, next_block(at)..next_block(at) + 4096);
            },
        ),
    ]
}

fn batches() -> Vec<Case> {
    vec![
        Case::new(
            "half-batch",
            "Two of three records of a batch reached the disk: none of the three counts.",
            "half a batch, records 1..=2 in 1 segments, 2 records dropped from wal-1+4320 on",
            |scribe| {
                let (name, last) = batch_at_end(scribe);
                scribe.zero(&name, last - last % 16..next_block(last) + 4096);
            },
        ),
        Case::new(
            "half-batch-torn",
            "The last record of a batch has a header and half a payload.",
            "half a batch, records 1..=2 in 1 segments, 2 records dropped from wal-1+4320 on",
            |scribe| {
                let (name, last) = batch_at_end(scribe);
                scribe.zero(&name, next_block(last)..next_block(last) + 4096);
            },
        ),
    ]
}

/// Two small rows, then a batch of three; gives the place of its last record.
fn batch_at_end(scribe: &mut Scribe) -> (String, u64) {
    scribe.open();
    scribe.rows(2);
    let payload = filling(3000);
    scribe.append_batch(&[row(&payload), row(&payload), row(&payload)]);
    scribe.commit();
    scribe.crash();
    scribe.place_of(5)
}
