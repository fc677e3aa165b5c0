//! Records that a later version wrote: a flag or a kind that this one does not know.

use std::sync::Arc;

use nodedb_tests::model::{Content, Model};
use nodedb_tests::player::{Door, Player, config};
use nodedb_tests::scan::{Part, Scan};
use nodedb_wal::format::RecordHeader;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::{KindCode, RecordFlags};
use nodedb_wal::{Error, Log, OpenCheck, ReadOptions, Reader, TailPolicy};

const SEALED: &str = "wal-00000000000000000001.seg";
const ACTIVE: &str = "wal-00000000000000000006.seg";

/// Five records in a sealed segment, five in one that is not; in `name`, the third is changed.
fn disk(name: &str, change: impl Fn(RecordHeader) -> RecordHeader) -> SimDisk {
    let disk = SimDisk::new(1);
    let mut player = Player::new(
        disk.clone(),
        TailPolicy::Rewrite,
        Model::new(),
        Door::HONEST,
    );
    for _ in 0..2 {
        player.log = None;
        player.must_open().unwrap();
        for _ in 0..5 {
            player
                .must_commit(&[Arc::new(Content::put(b"row"))])
                .unwrap();
        }
    }
    player.log = None;
    let scan = Scan::of(&disk.read_file(name).unwrap()).unwrap();
    let third = scan
        .parts
        .iter()
        .filter(|placed| placed.lsn().is_some())
        .nth(2)
        .unwrap();
    let Part::Record(header) = third.part else {
        unreachable!("a frontier has no LSN");
    };
    let bytes = change(header).encode(scan.header.seed());
    disk.patch(name, third.bytes.start as u64, &bytes).unwrap();
    disk
}

/// Every LSN delivered, and the error that ended it.
fn read(disk: &SimDisk, options: ReadOptions) -> (Vec<u64>, u64, Option<Error>) {
    let reader = Reader::open_on(disk.storage()).unwrap();
    let mut records = reader.read(options).unwrap();
    let mut lsns = Vec::new();
    let error = loop {
        match records.next() {
            Ok(Some(record)) => lsns.push(record.lsn().value()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    (lsns, records.stats().records_unknown, error)
}

fn all_but(lsn: u64) -> Vec<u64> {
    (1..=10).filter(|other| *other != lsn).collect()
}

#[test]
fn an_unknown_flag_is_told_with_its_record() {
    let flagged = |header| RecordHeader {
        flags: RecordFlags::from_bits(1 << 1),
        ..header
    };
    let is_told = |error: &Error, name: &str, at: u64| {
        matches!(error, Error::UnknownRecordFlags { path, lsn, flags: 2, .. }
            if path.ends_with(name) && lsn.value() == at)
    };
    let active = disk(ACTIVE, flagged);
    let error = Log::open(config(&active, Door::HONEST, TailPolicy::Rewrite)).unwrap_err();
    assert!(is_told(&error, ACTIVE, 8), "{error:?}");

    let sealed = disk(SEALED, flagged);
    let (lsns, _, error) = read(&sealed, ReadOptions::all());
    assert_eq!(lsns, [1, 2]);
    assert!(
        error
            .as_ref()
            .is_some_and(|error| is_told(error, SEALED, 3)),
        "{error:?}"
    );
    let settings = config(&sealed, Door::HONEST, TailPolicy::Rewrite);
    let error = Log::open(settings.open_check(OpenCheck::Everything)).unwrap_err();
    assert!(is_told(&error, SEALED, 3), "{error:?}");
}

#[test]
fn an_unknown_required_kind_stops_a_read_and_an_unknown_optional_one_does_not() {
    let of_kind = |bits| {
        move |header| RecordHeader {
            kind: KindCode::from_bits(bits),
            ..header
        }
    };
    for (name, at) in [(SEALED, 3), (ACTIVE, 8)] {
        let required = disk(name, of_kind(200 | KindCode::REQUIRED));
        let (lsns, _, error) = read(&required, ReadOptions::all());
        assert_eq!(lsns, (1..at).collect::<Vec<_>>());
        let is_told = matches!(&error, Some(Error::UnknownRequiredKind { lsn, kind })
            if lsn.value() == at && kind.number() == 200);
        assert!(is_told, "{error:?}");
        // For looking at it, it is there.
        let (lsns, _, error) = read(&required, ReadOptions::all().salvage());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(lsns, (1..=10).collect::<Vec<_>>());

        let optional = disk(name, of_kind(200));
        let (lsns, unknown, error) = read(&optional, ReadOptions::all());
        assert!(error.is_none(), "{error:?}");
        assert_eq!((lsns, unknown), (all_but(at), 1));
    }
}
