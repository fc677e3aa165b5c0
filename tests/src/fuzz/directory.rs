//! Targets for whole segments and whole directories: any files, on the simulated disk, are opened,
//! read, salvaged, verified, replayed into nothing, and gone on with.

use std::sync::Arc;

use nodedb_wal::format::SegmentHeader;
use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::format::layout::record;
use nodedb_wal::storage::Storage;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{
    Config, Error, Log, OpenCheck, ReadOptions, Reader, Record, RecordKind, Scope, TenantId,
};

use super::packed::unpack;
use super::reseal::Reseal;

/// Blocks of a segment, files of a directory, at most.
const BLOCKS_MAX: usize = 20;
const FILES_MAX: usize = 5;

/// A byte that chooses which checksums are made to fit, then the packed segment.
pub(super) fn segment(bytes: &[u8]) {
    let Some((&choice, packed)) = bytes.split_first() else {
        return;
    };
    let disk = SimDisk::new(1);
    let (mut file, _) = unpack(packed, BLOCKS_MAX);
    let reseal = Reseal::of(choice);
    reseal.apply(&mut file);
    disk.write_file(&segment_name(&file), &file);
    look(&disk, file.len(), reseal.forges());
}

/// Files, each a byte that chooses as above, its number of blocks, and its blocks packed.
pub(super) fn directory(mut bytes: &[u8]) {
    let disk = SimDisk::new(1);
    let mut total_bytes = 0;
    let mut is_forged = false;
    for number in 0..FILES_MAX {
        let &[choice, blocks, ref packed @ ..] = bytes else {
            break;
        };
        let (mut file, rest) = unpack(packed, usize::from(blocks) % (BLOCKS_MAX + 1));
        bytes = rest;
        let reseal = Reseal::of(choice);
        reseal.apply(&mut file);
        is_forged |= reseal.forges();
        let name = match choice >> 5 {
            6 => format!("prepared-{number:020}.seg"),
            7 => format!("prepared-{number:020}.tmp"),
            // Not where its header belongs.
            5 => format!("wal-{:020}.seg", blocks >> 4),
            _ => segment_name(&file),
        };
        disk.write_file(&name, &file);
        total_bytes += file.len();
    }
    look(&disk, total_bytes, is_forged);
}

/// The name that fits the segment's header.
fn segment_name(file: &[u8]) -> String {
    let header = file.first_chunk().map(SegmentHeader::decode_block);
    let first_lsn = match header {
        Some(Ok(header)) => header.first_lsn.value(),
        _ => 1,
    };
    format!("wal-{first_lsn:020}.seg")
}

/// What a read gave: each record's LSN and checksum, and how it ended.
#[derive(Debug, PartialEq)]
struct Seen {
    records: Vec<(u64, u32)>,
    at_end: bool,
    /// It met a record that is whole, and that this version does not know.
    at_unknown: bool,
}

impl Seen {
    fn is_whole(&self) -> bool {
        self.at_end || self.at_unknown
    }
}

/// Everything that can be asked of a directory. What a checksum vouches for is believed: evidence that
/// is forged has to be survived, and may be misunderstood.
fn look(disk: &SimDisk, total_bytes: usize, is_forged: bool) {
    let storage = disk.fork().storage();
    let records_max = total_bytes / record::BYTES + 1;
    let reader = Reader::open_on(Arc::clone(&storage));
    let seen = reader.as_ref().ok().map(|reader| {
        for options in [
            ReadOptions::all().headers_only(),
            ReadOptions::all().control_only(),
            ReadOptions::all().tenant(TenantId::new(7)),
            ReadOptions::from(reader.next_lsn().previous()),
        ] {
            read(reader, options, records_max);
        }
        let _whatever = reader.segments();
        read(reader, ReadOptions::all(), records_max)
    });
    if let Ok(damaged) = Reader::open_damaged_on(Arc::clone(&storage)) {
        read(&damaged, ReadOptions::all().salvage(), records_max);
        let _whatever = damaged.segments();
        let verified = damaged.verify(&mut |_, _| {});
        if let (Ok(report), Some(seen)) = (verified, &seen)
            && report.findings.is_empty()
        {
            assert!(
                seen.is_whole() || is_forged,
                "nothing is wrong, and a read fails"
            );
        }
    }
    go_on(disk, seen.as_ref(), records_max, is_forged);
    let everything = config(disk.fork().storage()).open_check(OpenCheck::Everything);
    if let (Ok(log), Some(seen)) = (Log::open(everything), &seen) {
        drop(log);
        assert!(
            seen.is_whole() || is_forged,
            "all was checked, and a read fails"
        );
    }
}

fn config(storage: Arc<dyn Storage>) -> Config {
    Config::on(storage).segment_bytes(Config::SEGMENT_BYTES_MIN)
}

/// Opens the log for writing: it holds what the reader saw, and one more record once it is there.
fn go_on(disk: &SimDisk, seen: Option<&Seen>, records_max: usize, is_forged: bool) {
    let disk = disk.fork();
    let opened = Log::open(config(disk.storage()));
    // Who writes checks all of the last segment, its footer too; who reads comes to it later.
    let is_checked_more = match &opened {
        Err(Error::FooterDamaged { .. }) => true,
        Err(_) => seen.is_some_and(|seen| !seen.is_whole()),
        Ok(_) => false,
    };
    assert!(
        opened.is_ok() == seen.is_some() || is_checked_more || is_forged,
        "reader and writer do not agree: {:?}",
        opened.err()
    );
    let (Ok(log), Some(seen)) = (opened, seen) else {
        return;
    };
    let record = Record::raw(RecordKind::Put, Scope::default(), b"one more");
    let appended = log.append(&record).and_then(|lsn| {
        log.commit(lsn)?;
        log.close()?;
        Ok(lsn)
    });
    disk.kill_process();
    let reader = Reader::open_on(disk.storage());
    if is_forged {
        return;
    }
    let (lsn, reader) = match (appended, reader) {
        (Ok(lsn), Ok(reader)) => (lsn, reader),
        (Err(error), _) => panic!("a log that was opened takes no record: {error}"),
        (_, Err(error)) => panic!("a log that was written to does not open: {error}"),
    };
    let mut expected = seen.records.clone();
    if seen.at_end {
        expected.push((lsn.value(), crc32c(record.payload)));
    }
    let again = read(&reader, ReadOptions::all(), records_max + 1);
    assert_eq!(again.records, expected);
    assert_eq!(again.is_whole(), seen.is_whole());
}

/// Reads until the end, or until the same error comes twice.
fn read(reader: &Reader, options: ReadOptions, records_max: usize) -> Seen {
    let mut seen = Seen {
        records: Vec::new(),
        at_end: false,
        at_unknown: false,
    };
    let Ok(mut records) = reader.read(options) else {
        return seen;
    };
    let mut told = None;
    // Between two records there is at most one thing to tell.
    for _ in 0..=2 * records_max + 2 * FILES_MAX + 2 {
        match records.next() {
            Ok(Some(record)) => {
                let crc = crc32c(record.payload);
                seen.records.push((record.lsn().value(), crc));
            }
            Ok(None) => {
                seen.at_end = told.is_none();
                return seen;
            }
            Err(error) => {
                seen.at_unknown = matches!(error, Error::UnknownRequiredKind { .. });
                let error = error.to_string();
                if told.as_ref() == Some(&error) {
                    return seen;
                }
                told = Some(error);
            }
        }
    }
    panic!("a read does not end: {told:?}");
}
