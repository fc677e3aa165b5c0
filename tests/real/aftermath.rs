//! What a log must hold after a writer has ended, however it ended: opens it and looks.

use std::collections::BTreeMap;
use std::path::Path;

use nodedb_tests::diary::{BATCH_MAX, Entry};
use nodedb_wal::{Config, Log, ReadOptions, Reader, Records};

use crate::writer::{Io, Notes, SEGMENT_BYTES};

/// Opens the log, as the node's next start would, and holds it against what was acknowledged.
/// Gives back how many records there are.
pub(crate) fn check(directory: &Path, io: Io, notes: &Notes) -> u64 {
    let config = Config::new(directory)
        .io_mode(io.mode())
        .segment_bytes(SEGMENT_BYTES);
    let log = Log::open(config).unwrap_or_else(|error| panic!("{error}: {error:?}"));
    account(log.read(ReadOptions::all()).unwrap(), notes)
}

/// The same for a log that nobody may write to: reads it, and changes nothing.
pub(crate) fn check_reading(directory: &Path, notes: &Notes) -> u64 {
    let reader = Reader::open(directory).unwrap();
    let report = reader.verify(&mut |_, _| {}).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    account(reader.read(ReadOptions::all()).unwrap(), notes)
}

fn account(mut records: Records, notes: &Notes) -> u64 {
    let mut found = Found::new(notes);
    while let Some(record) = records.next().unwrap() {
        found.take(record.lsn().value(), record.payload);
    }
    found.finish()
}

struct Found<'n> {
    notes: &'n Notes,
    last_lsn: u64,
    acknowledged: u64,
    /// How many records of each thread of each run were seen.
    sequences: BTreeMap<(u32, u32), u64>,
}

impl<'n> Found<'n> {
    fn new(notes: &'n Notes) -> Self {
        Self {
            notes,
            last_lsn: 0,
            acknowledged: 0,
            sequences: BTreeMap::new(),
        }
    }

    fn take(&mut self, lsn: u64, payload: &[u8]) {
        assert_eq!(lsn, self.last_lsn + 1, "LSNs are dense");
        self.last_lsn = lsn;
        let entry = Entry::of(payload);
        let entry = entry.unwrap_or_else(|| panic!("record {lsn} was never written"));
        let next = self.sequences.entry((entry.run, entry.thread)).or_default();
        assert_eq!(
            entry.sequence, *next,
            "record {lsn} is out of its writer's order"
        );
        *next += 1;
        if let Some(told) = self.notes.acknowledged.get(&lsn) {
            assert_eq!(
                entry, *told,
                "record {lsn} is not the one that was acknowledged"
            );
            self.acknowledged += 1;
        }
    }

    fn finish(self) -> u64 {
        let acknowledged = self.notes.acknowledged.len() as u64;
        let lost = self
            .notes
            .acknowledged
            .keys()
            .filter(|lsn| **lsn > self.last_lsn);
        assert_eq!(
            self.acknowledged,
            acknowledged,
            "acknowledged records are lost: {:?}",
            lost.collect::<Vec<_>>()
        );
        for (writer, found) in self.sequences {
            let told = self.notes.counts.get(&writer).copied().unwrap_or_default();
            // At most the batch that was in flight when it ended.
            assert!(
                found <= told + BATCH_MAX,
                "{writer:?}: {found} found, {told} acknowledged"
            );
        }
        self.last_lsn
    }
}
