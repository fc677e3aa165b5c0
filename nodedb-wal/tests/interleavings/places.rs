//! Room: buffers, shares, batches and segments, under those who commit.

use std::sync::Arc;

use nodedb_wal::{
    Config, DatabaseId, Envelope, Error, Log, Lsn, ReadOptions, Reader, Record, RecordKind, Scope,
    TenantId, VshardId,
};

use crate::disks::{commit_in_the_end, full_at, until_there_is_room};
use crate::orders::{append, assert_dense, check, check_durable, in_threads, open};
/// Three threads append more than the buffer takes. One of them commits what may be written and not
/// synced, then the rest; another looks after the last write.
fn full_buffers() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let lsns = [(); 2].map(|()| append(&log, &[7; 3000]).unwrap());
        if number == 0 {
            for lsn in lsns {
                check_durable(&disk, lsn, log.commit(lsn).unwrap());
            }
        } else if number == 1 {
            log.witness().unwrap();
        }
        lsns
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_needs_room_gets_it() {
    check("full buffers", full_buffers);
}

/// A full buffer was handed over for a record whose encoder then failed, so that nothing waits in the next
/// one. The witness has the full one synced, with the lock free, while another thread appends.
fn witness_beside_an_append() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    append(&log, &[7; 3000]).unwrap();
    let envelope = Envelope::raw(RecordKind::Put, Scope::default(), 3000);
    let failed = log.append_with(&envelope, |_| Err(Error::Closed));
    assert!(matches!(failed, Err(Error::Closed)));
    let log = Arc::new(log);
    in_threads(2, move |number| {
        if number == 0 {
            log.witness().unwrap();
        } else {
            let lsn = append(&log, &[7; 100]).unwrap();
            check_durable(&disk, lsn, log.commit(lsn).unwrap());
        }
    });
}

/// The record was thrown away, its number given and acknowledged.
#[test]
fn what_is_appended_while_the_witness_syncs_is_not_lost() {
    check("witness", witness_beside_an_append);
}

/// Buffers are filled and not synced while three threads commit what is in them and a fourth what comes
/// behind.
fn unsynced() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let log = Arc::new(log);
    let lsns = in_threads(4, move |number| {
        let lsns = [(); 2].map(|()| append(&log, &[7; 1500]).unwrap());
        let lsn = lsns[number / 3];
        check_durable(&disk, lsn, log.commit(lsn).unwrap());
        lsns
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_waits_for_a_write_that_is_synced_later_is_woken() {
    check("unsynced", unsynced);
}

/// Threads of two tenants append more than their shares of a write, and commit.
fn shares() {
    let (disk, log) = open(|config| config.shared_write_bytes(1));
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let scope = Scope::new(
            TenantId::new(number as u64 % 2),
            DatabaseId::new(0),
            VshardId::new(0),
        );
        // A share is 16 KiB at least.
        let payload = [7; 9000];
        let record = Record::raw(RecordKind::Put, scope, &payload);
        let lsns = [(); 2].map(|()| log.append(&record).unwrap());
        let durable = log.commit(lsns[1]).unwrap();
        check_durable(&disk, lsns[1], durable);
        lsns
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_has_filled_its_share_gets_its_turn() {
    check("shares", shares);
}

/// Two threads append batches that the buffer does not take, one of which finds the disk full half-way
/// and is appended again; a third commits a record. Nobody fails, and no batch is taken apart.
fn batches() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    full_at(&disk, disk.operations() + 1);
    let log = Arc::new(log);
    let seen = Arc::clone(&log);
    let lsns = in_threads(3, move |number| {
        let payload = [7; 2500];
        let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
        let count = if number == 0 { 1 } else { 3 };
        let lsns = until_there_is_room(|| log.append_batch(&[record; 3][..count]));
        let lsns_given = lsns.first.value()..=lsns.last.value();
        assert_eq!(lsns_given.clone().count(), count);
        commit_in_the_end(&disk, &log, lsns.last);
        lsns_given.map(Lsn::new)
    });
    assert_dense(lsns.into_iter().flatten());
    let mut records = seen.read(ReadOptions::all()).unwrap();
    let mut is_inside = false;
    while let Some(record) = records.next().unwrap() {
        is_inside = record.header.batch_continues();
    }
    assert!(!is_inside, "half a batch was read");
}

#[test]
fn batches_of_several_threads_go_in_one_after_the_other() {
    check("batches", batches);
}

/// One thread starts new segments and drops old ones while two commit.
fn rotation() {
    let (disk, log) = open(|config| config);
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let lsn = append(&log, b"x").unwrap();
        if number == 0 {
            log.rotate().unwrap();
            log.truncate_before(lsn).unwrap();
        }
        check_durable(&disk, lsn, log.commit(lsn).unwrap());
        lsn
    });
    assert_dense(lsns);
}

#[test]
fn segments_change_under_those_who_commit() {
    check("rotation", rotation);
}

/// One thread drops old segments, which takes two writes in a row, while the others commit and sleep
/// until the first of them.
fn truncating() {
    let (disk, log) = open(|config| config);
    let first = append(&log, b"x").unwrap();
    log.commit(first).unwrap();
    log.rotate().unwrap();
    let log = Arc::new(log);
    let lsns = in_threads(4, move |number| {
        if number == 0 {
            log.truncate_before(first.next()).unwrap();
            return first;
        }
        let lsn = append(&log, b"x").unwrap();
        check_durable(&disk, lsn, log.commit(lsn).unwrap());
        lsn
    });
    assert_dense(lsns);
}

#[test]
fn whoever_waits_for_the_first_of_two_writes_in_a_row_is_woken() {
    check("truncating", truncating);
}

/// A log is opened for reading, and verified, while it is written, and what is old
/// in it dropped.
fn reading() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let log = Arc::new(log);
    in_threads(3, move |number| {
        if number == 0 {
            let reader = Reader::open_on(disk.storage()).unwrap();
            let seen = reader.next_lsn().previous();
            assert!(seen <= log.durable_lsn(), "{seen} was shown");
            let verified = reader.verify(&mut |_, _| {}).unwrap();
            assert!(verified.findings.is_empty(), "{:?}", verified.findings);
            return;
        }
        let lsns = [(); 2].map(|()| {
            let lsn = append(&log, &[7; 2500]).unwrap();
            log.commit(lsn).unwrap();
            lsn
        });
        if number == 1 {
            log.rotate().unwrap();
            log.truncate_before(lsns[1]).unwrap();
        }
    });
}

#[test]
fn a_log_that_is_being_written_is_read_without_a_complaint() {
    check("reading", reading);
}

/// The power goes while a segment is not sealed. The log is opened again and written, read and cut
/// while a thread of its own looks at what it was left with.
fn recovering() {
    let (disk, log) = open(|config| config);
    for _ in 0..2 {
        let lsn = append(&log, &[7; 2500]).unwrap();
        log.commit(lsn).unwrap();
        log.rotate().unwrap();
    }
    disk.crash_keeping(&[]);
    drop(log);
    disk.restart();
    let config = Config::on(disk.storage())
        .segment_bytes(Config::SEGMENT_BYTES_MIN)
        .witness_after(None);
    let log = Log::open(config).unwrap();
    let first = log.next_lsn();
    assert!(first > Lsn::new(2));
    let log = Arc::new(log);
    in_threads(3, move |number| match number {
        0 => log.finish_recovery().unwrap(),
        1 => {
            let lsn = append(&log, b"x").unwrap();
            check_durable(&disk, lsn, log.commit(lsn).unwrap());
            log.truncate_before(lsn).unwrap();
        }
        _ => {
            let read = || {
                let mut records = log.read(ReadOptions::from(first.previous()))?;
                while records.next()?.is_some() {}
                Ok(())
            };
            match read() {
                Ok(()) | Err(Error::Truncated { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_log_is_used_while_its_past_is_looked_at() {
    check("recovering", recovering);
}
