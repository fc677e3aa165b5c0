//! Stretches that are in memory, in part or not at all, and what is read of them.

use std::io;

use parking_lot::Mutex;

use super::*;
use crate::format::checksum::crc32c;
use crate::storage::WriteError;
use crate::types::{CollectionTag, Epoch, RecordFlags, RecordKind, Scope, Timestamp};

/// Records 1 to 9 in a file, of which only as many bytes are in memory as `cached` says.
#[derive(Debug)]
struct Records {
    bytes: Vec<u8>,
    cached: usize,
}

impl StorageFile for Records {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap();
        bytes.copy_from_slice(&self.bytes[offset..offset + bytes.len()]);
        Ok(bytes.len())
    }
    fn read_cached_at(&self, bytes: &mut [u8], offset: u64) -> usize {
        let offset = usize::try_from(offset).unwrap();
        let len = self.cached.saturating_sub(offset).min(bytes.len());
        self.read_at(&mut bytes[..len], offset as u64).unwrap()
    }
    fn write_durable(&self, _blocks: &[u8], _offset: u64) -> Result<(), WriteError> {
        Err(WriteError::Failed(io::ErrorKind::Unsupported.into()))
    }
    fn write_zeros(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn forget_cached(&self) -> io::Result<()> {
        Ok(())
    }
}

const RECORD_BYTES: u64 = 1024;

fn records(cached: usize) -> Records {
    let payload = [7; 1024 - record::BYTES];
    let mut bytes = Vec::new();
    for lsn in 1..=9 {
        let header = RecordHeader {
            payload_crc: crc32c(&payload),
            payload_len: u32::try_from(payload.len()).unwrap(),
            kind: RecordKind::Put.code(),
            flags: RecordFlags::NONE,
            lsn: Lsn::new(lsn),
            scope: Scope::default(),
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            timestamp: Timestamp::from_nanos(0),
        };
        bytes.extend_from_slice(&header.encode(HeaderSeed::of_salt(1)));
        bytes.extend_from_slice(&payload);
    }
    Records { bytes, cached }
}

/// Records 2, and 5 to 6.
fn parts() -> Box<[Part]> {
    let part = |first: u64, last: u64| Part {
        from: (first - 1) * RECORD_BYTES,
        to: last * RECORD_BYTES,
        first: Lsn::new(first),
        last: Lsn::new(last),
    };
    [part(2, 2), part(5, 6)].into()
}

/// Loads records 1 to 9, of which 2, 5 and 6 are wanted.
fn loaded(file: Records) -> (Chunk, u64) {
    loaded_by(file, parts())
}

fn loaded_by(file: Records, parts: Box<[Part]>) -> (Chunk, u64) {
    let all = 9 * RECORD_BYTES;
    let stretch = Stretch {
        from: 0,
        to: all,
        first: Lsn::FIRST,
        last: Lsn::new(9),
        parts: Some(parts),
    };
    let source = Source {
        file: Arc::new(file),
        seed: HeaderSeed::of_salt(1),
        end: all,
        drop_behind: false,
        past_cache: None,
    };
    let mut chunk = Chunk::default();
    let read = chunk.load(&source, &stretch, Payloads::Lent, |header| {
        match header.lsn.value() {
            2 | 5 | 6 => Pick::Lend,
            _ => Pick::Pass,
        }
    });
    (chunk, read)
}

fn lsns_lent(chunk: &mut Chunk) -> Vec<u64> {
    let mut lsns = Vec::new();
    while let Some(lent) = chunk.lend() {
        assert_eq!(lent.offset, (lent.header.lsn.value() - 1) * RECORD_BYTES);
        lsns.push(lent.header.lsn.value());
    }
    lsns
}

#[test]
fn of_a_stretch_in_memory_only_the_wanted_parts_are_read() {
    let (mut chunk, read) = loaded(records(usize::MAX));
    assert_eq!(read, 3 * RECORD_BYTES);
    let scanned = chunk.scanned().unwrap();
    assert_eq!((scanned.next, scanned.records), (Lsn::new(10), 3));
    assert_eq!(scanned.position, 9 * RECORD_BYTES);
    assert_eq!(lsns_lent(&mut chunk), [2, 5, 6]);
}

/// The disk is asked for all of it in one: it reads ahead, and here and there is slower.
#[test]
fn a_stretch_that_is_not_in_memory_is_read_whole() {
    for cached in [0, 100, 5 * 1024] {
        let (mut chunk, read) = loaded(records(cached));
        assert!(read >= 9 * RECORD_BYTES, "{cached}");
        let scanned = chunk.scanned().unwrap();
        assert_eq!((scanned.next, scanned.records), (Lsn::new(10), 9));
        assert_eq!(lsns_lent(&mut chunk), [2, 5, 6], "{cached}");
    }
}

/// A part that does not start with its record may be the footer's fault: what is said about
/// damage goes by the records.
#[test]
fn a_stretch_with_a_part_that_is_not_right_is_scanned_from_its_start() {
    let mut file = records(usize::MAX);
    file.bytes[4 * 1024] ^= 1;
    let (mut chunk, _) = loaded(file);
    assert_eq!(chunk.scanned().unwrap().next, Lsn::new(5));
    assert_eq!(lsns_lent(&mut chunk), [2]);
}

/// A footer said that a part ends with another record than it does, and those behind that record were
/// passed over as somebody else's.
#[test]
fn a_part_that_holds_more_records_than_it_should_is_not_believed() {
    let check = |lie: &dyn Fn(&mut [Part])| {
        let mut parts = parts();
        lie(&mut parts);
        let (mut chunk, _) = loaded_by(records(usize::MAX), parts);
        let scanned = chunk.scanned().unwrap();
        assert_eq!((scanned.next, scanned.records), (Lsn::new(10), 9));
        assert_eq!(lsns_lent(&mut chunk), [2, 5, 6]);
    };
    check(&|parts| parts[1].last = Lsn::new(5));
    check(&|parts| parts[1].last = Lsn::new(7));
    check(&|parts| parts[1].first = Lsn::new(6));
    check(&|parts| parts[1].from += RECORD_BYTES);
    check(&|parts| parts[1].to += RECORD_BYTES);
    check(&|parts| parts[1].to -= RECORD_BYTES);
    check(&|parts| parts[1].to -= 16);
    check(&|parts| parts[0].from += 16);
}

/// A file of zeros that notes what is said to be done with.
#[derive(Debug, Default)]
struct Zeros(Mutex<Vec<(u64, u64)>>);

impl StorageFile for Zeros {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
    fn read_at(&self, bytes: &mut [u8], _offset: u64) -> io::Result<usize> {
        bytes.fill(0);
        Ok(bytes.len())
    }
    fn write_durable(&self, _blocks: &[u8], _offset: u64) -> Result<(), WriteError> {
        Err(WriteError::Failed(io::ErrorKind::Unsupported.into()))
    }
    fn write_zeros(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn forget_cached(&self) -> io::Result<()> {
        Ok(())
    }
    fn advise_done(&self, offset: u64, len: u64) {
        self.0.lock().push((offset, len));
    }
}

#[test]
fn a_read_that_drops_behind_leaves_no_block_out_and_any_other_drops_none() {
    for drop_behind in [false, true] {
        let zeros = Arc::new(Zeros::default());
        let source = Source {
            file: Arc::clone(&zeros) as Arc<dyn StorageFile>,
            seed: HeaderSeed::of_salt(1),
            end: 1 << 20,
            drop_behind,
            past_cache: None,
        };
        let mut chunk = Chunk::default();
        for (from, to) in [(4096, 10_000), (10_000, 20_000)] {
            let stretch = Stretch {
                from,
                to,
                first: Lsn::FIRST,
                last: Lsn::MAX,
                parts: None,
            };
            chunk.load(&source, &stretch, Payloads::All, |_| Pick::Lend);
        }
        let done = zeros.0.lock().clone();
        let expected = [(4096, 5904), (8192, 11_808)];
        assert_eq!(done, &expected[..if drop_behind { 2 } else { 0 }]);
    }
}
