//! Writes golden logs: the log itself on a simulated disk whose chance and clock are fixed, and the
//! damage that is done to it afterwards.

use std::sync::Arc;
use std::time::Duration;

use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::format::layout::{BLOCK_BYTES, DATA_START, Field, MIRROR_OFFSET, segment};
use nodedb_wal::format::{RecordHeader, SegmentHeader};
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

/// How long golden segments are.
pub(crate) const SEGMENT_BYTES: u64 = Config::SEGMENT_BYTES_MIN;

/// Where the first record of a segment starts.
pub(crate) const DATA: u64 = DATA_START;

/// When the first record of every golden log is appended; each further one comes a millisecond
/// later.
const START: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

/// A golden log being written. It panics where anything goes wrong.
pub(crate) struct Scribe {
    pub(crate) disk: SimDisk,
    log: Option<Arc<Log>>,
}

impl Scribe {
    /// A scribe of the log `name`, from which all its chance comes.
    pub(crate) fn new(name: &str) -> Self {
        Self::on(SimDisk::new(fnv(name.as_bytes())))
    }

    /// A scribe who goes on with the log on `disk`.
    pub(crate) fn on(disk: SimDisk) -> Self {
        // The clock moves with the records only: how often the log looks at it, or how it does its
        // writes, is not part of the format.
        disk.set_time_step(Duration::ZERO);
        if disk.names().is_empty() {
            disk.set_time(START);
        }
        Self { disk, log: None }
    }

    pub(crate) fn open(&mut self) {
        self.open_with(TailPolicy::Rewrite);
    }

    pub(crate) fn open_with(&mut self, policy: TailPolicy) {
        let config = config(self.disk.storage()).tail_policy(policy);
        self.log = Some(Arc::new(Log::open(config).unwrap()));
    }

    pub(crate) fn log(&self) -> Arc<Log> {
        Arc::clone(self.log.as_ref().unwrap())
    }

    /// The process ends; what was not committed is gone.
    pub(crate) fn crash(&mut self) {
        self.log = None;
        self.disk.kill_process();
    }

    pub(crate) fn close(&mut self) {
        Arc::into_inner(self.log.take().unwrap())
            .unwrap()
            .close()
            .unwrap();
        self.disk.kill_process();
    }

    /// Appends one record, without committing it.
    pub(crate) fn append(&mut self, record: &Record<'_>) -> Lsn {
        self.disk.advance(Duration::from_millis(1));
        self.log().append(record).unwrap()
    }

    /// Appends records that belong together, without committing them.
    pub(crate) fn append_batch(&mut self, records: &[Record<'_>]) {
        self.disk.advance(Duration::from_millis(1));
        self.log().append_batch(records).unwrap();
    }

    pub(crate) fn commit(&mut self) {
        self.log().sync().unwrap();
    }

    /// Appends and commits `count` small rows, each in a write of its own.
    pub(crate) fn rows(&mut self, count: u64) {
        for _ in 0..count {
            let payload = format!("row {}", self.log().next_lsn());
            self.append(&row(payload.as_bytes()));
            self.commit();
        }
    }

    pub(crate) fn rotate(&mut self) {
        self.log().rotate().unwrap();
    }

    /// The names of the segments, oldest first.
    pub(crate) fn segments(&self) -> Vec<String> {
        let is_segment = |name: &String| name.starts_with("wal-") && name.ends_with(".seg");
        self.disk.names().into_iter().filter(is_segment).collect()
    }

    /// The segment that holds record `lsn`, and where in it the record starts.
    pub(crate) fn place_of(&self, lsn: u64) -> (String, u64) {
        let reader = Reader::open_damaged_on(self.disk.fork().storage()).unwrap();
        let options = ReadOptions::from(Lsn::new(lsn)).headers_only().salvage();
        let mut records = reader.read(options).unwrap();
        let record = records.next().unwrap().unwrap();
        let name = record.segment.file_name().unwrap().to_str().unwrap();
        (name.to_owned(), record.offset)
    }

    /// Puts zeros over `range` of a segment.
    pub(crate) fn zero(&self, name: &str, range: std::ops::Range<u64>) {
        let len = usize::try_from(range.end - range.start).unwrap();
        self.disk.patch(name, range.start, &vec![0; len]).unwrap();
    }

    /// Puts bytes over `range` of a segment that no log wrote.
    pub(crate) fn garble(&self, name: &str, range: std::ops::Range<u64>) {
        let noise = range
            .clone()
            .map(|at| fnv(&at.to_le_bytes()).to_be_bytes()[0] | 1);
        self.disk
            .patch(name, range.start, &noise.collect::<Vec<_>>())
            .unwrap();
    }

    /// Changes the header of record `lsn` as a later version might, its checksum with it.
    pub(crate) fn restamp_record(&self, lsn: u64, change: impl FnOnce(&mut RecordHeader)) {
        let (name, offset) = self.place_of(lsn);
        let bytes = self.disk.read_file(&name).unwrap();
        let seed = SegmentHeader::decode_block(bytes.first_chunk().unwrap())
            .unwrap()
            .seed();
        let at = usize::try_from(offset).unwrap();
        let mut header = RecordHeader::decode(bytes[at..].first_chunk().unwrap(), seed).unwrap();
        change(&mut header);
        self.disk
            .patch(&name, offset, &header.encode(seed))
            .unwrap();
    }

    /// Changes a field in both copies of a segment's header, their checksums with it.
    pub(crate) fn restamp_segment(&self, name: &str, field: Field, value: u32) {
        for copy in [0, MIRROR_OFFSET] {
            self.restamp(name, copy as u64, field, value, segment::header_crc);
        }
    }

    /// Changes a field of the structure at `offset`, whose checksum, its last field, is `crc`.
    pub(crate) fn restamp(&self, name: &str, offset: u64, field: Field, value: u32, crc: Field) {
        let at = usize::try_from(offset).unwrap();
        let mut bytes = self.disk.read_file(name).unwrap()[at..at + crc.offset].to_vec();
        bytes[field.offset..field.offset + 4].copy_from_slice(&value.to_le_bytes());
        let sum = crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        self.disk.patch(name, offset, &bytes).unwrap();
    }
}

/// The settings of every golden log, and of whoever opens one: the whole of the last segment is
/// looked at, so that what stands in it decides.
pub(crate) fn config(storage: Arc<dyn storage::Storage>) -> Config {
    Config::on(storage)
        .segment_bytes(SEGMENT_BYTES)
        .open_check(OpenCheck::LastSegment)
}

/// A record of raw bytes.
pub(crate) fn row(payload: &[u8]) -> Record<'_> {
    Record::raw(RecordKind::Put, scope(7), payload)
}

pub(crate) fn scope(tenant: u64) -> Scope {
    Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(3))
}

/// `len` bytes of which none is zero and which repeat in no multiple of a block.
pub(crate) fn filling(len: usize) -> Vec<u8> {
    (1..=251).cycle().take(len).collect()
}

/// The start of the first block behind `offset`.
pub(crate) fn next_block(offset: u64) -> u64 {
    (offset + 1).next_multiple_of(BLOCK_BYTES as u64)
}

/// FNV-1a, 64 bits (RFC 9923): what golden files call a payload's digest.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
