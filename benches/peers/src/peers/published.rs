//! nodedb-wal 0.6.2 as published, twice: as it comes, and with the fastest of its parts put together.

use std::path::Path;
use std::sync::Mutex;

use nodedb_wal_published::double_write::DwbMode;
use nodedb_wal_published::mmap_reader::MmapWalReader;
use nodedb_wal_published::segment::{discover_segments, segment_path};
use nodedb_wal_published::uring_writer::{UringWriter, UringWriterConfig};
use nodedb_wal_published::{RecordType, SegmentedWal, SegmentedWalConfig, WalReader};

use super::group::GroupCommit;
use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const AS_IT_COMES: Kind = Kind {
    name: "published",
    title: "nodedb-wal 0.6.2, as it comes",
    standing: Standing::Durable,
    commit: "under a mutex: write and fsync of its double-write file, direct write at the growing \
             end of the segment, fsync",
    stream: "append after append, then `sync`",
    checks: true,
    replay: "`SegmentedWal::replay`: all records as one vector; CRC-32C of header and payload",
    open: open_as_it_comes,
    read: replay_into_memory,
};

pub(crate) const TUNED: Kind = Kind {
    name: "published-tuned",
    title: "nodedb-wal 0.6.2, tuned",
    standing: Standing::Durable,
    commit: "no double-write file, a group commit of ours around it: one direct write at the growing \
             end of the segment and one fsync carry everybody who waits",
    stream: "its io_uring writer, one file, then `submit_and_sync`",
    checks: true,
    replay: "its mapped reader under 4 KiB, its sequential one from there on; CRC-32C of header and \
             payload",
    open: open_tuned,
    read: read_one_by_one,
};

/// From payloads of so many bytes on, its sequential reader is faster than its mapped one.
const SEQUENTIAL_FROM_BYTES: usize = 4 << 10;

struct Plain {
    wal: Mutex<SegmentedWal>,
}

struct Grouped {
    wal: Mutex<SegmentedWal>,
    group: GroupCommit,
}

struct Uring {
    writer: Mutex<UringWriter>,
}

fn open_as_it_comes(directory: &Path, _purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let wal = SegmentedWal::open(SegmentedWalConfig::new(directory.to_owned()))?;
    let wal = Mutex::new(wal);
    Ok(Box::new(Plain { wal }))
}

fn open_tuned(directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    if matches!(purpose, Purpose::Stream { .. }) {
        let path = segment_path(directory, 1);
        let writer = UringWriter::open(&path, UringWriterConfig::default())?;
        let writer = Mutex::new(writer);
        return Ok(Box::new(Uring { writer }));
    }
    let mut config = SegmentedWalConfig::new(directory.to_owned());
    config.writer_config.dwb_mode = Some(DwbMode::Off);
    Ok(Box::new(Grouped {
        wal: Mutex::new(SegmentedWal::open(config)?),
        group: GroupCommit::default(),
    }))
}

fn append(wal: &mut SegmentedWal, payload: &[u8]) -> Result<(), Failure> {
    wal.append(RecordType::Put as u32, 1, 1, 1, payload)?;
    Ok(())
}

fn append_all(wal: &mut SegmentedWal, payloads: Payloads<'_>) -> Result<(), Failure> {
    for payload in payloads {
        append(wal, payload)?;
    }
    wal.sync()?;
    Ok(())
}

impl Peer for Plain {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let mut wal = self.wal.lock().map_err(|_| "a writer panicked")?;
        append(&mut wal, payload)?;
        wal.sync()?;
        Ok(())
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut wal = self.wal.lock().map_err(|_| "a writer panicked")?;
        append_all(&mut wal, payloads)
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        let wal = self.wal.into_inner();
        wal.map_err(|_| "a writer panicked")?.sync()?;
        Ok(())
    }
}

impl Peer for Grouped {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        self.group.commit(payload, |batch| {
            let mut wal = self.wal.lock().map_err(|_| "a writer panicked")?;
            for payload in batch {
                append(&mut wal, payload)?;
            }
            wal.sync()?;
            Ok(())
        })
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut wal = self.wal.lock().map_err(|_| "a writer panicked")?;
        append_all(&mut wal, payloads)
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        let wal = self.wal.into_inner();
        wal.map_err(|_| "a writer panicked")?.sync()?;
        Ok(())
    }
}

impl Peer for Uring {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let mut writer = self.writer.lock().map_err(|_| "a writer panicked")?;
        writer.append(RecordType::Put as u32, 1, 1, 1, payload)?;
        writer.submit_and_sync()?;
        Ok(())
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut writer = self.writer.lock().map_err(|_| "a writer panicked")?;
        for payload in payloads {
            writer.append(RecordType::Put as u32, 1, 1, 1, payload)?;
        }
        writer.submit_and_sync()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        let writer = self.writer.into_inner();
        writer.map_err(|_| "a writer panicked")?.seal()?;
        Ok(())
    }
}

/// Whether it is a record of ours, and not padding.
fn is_put(record_type: u32) -> bool {
    record_type == RecordType::Put as u32
}

fn replay_into_memory(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let wal = SegmentedWal::open(SegmentedWalConfig::new(directory.to_owned()))?;
    for record in wal.replay()? {
        if is_put(record.logical_record_type()) {
            each(&record.payload);
        }
    }
    Ok(())
}

fn read_one_by_one(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let segments = discover_segments(directory)?;
    let mut first = None;
    if let Some(segment) = segments.first() {
        first = MmapWalReader::open(&segment.path, None)?.next_record()?;
    }
    let is_large = first.is_some_and(|record| record.payload.len() >= SEQUENTIAL_FROM_BYTES);
    for segment in segments {
        if is_large {
            let mut reader = WalReader::open(&segment.path, None)?;
            while let Some(record) = reader.next_record()? {
                if is_put(record.logical_record_type()) {
                    each(&record.payload);
                }
            }
        } else {
            let mut reader = MmapWalReader::open(&segment.path, None)?;
            while let Some(record) = reader.next_record()? {
                if is_put(record.logical_record_type()) {
                    each(&record.payload);
                }
            }
        }
    }
    Ok(())
}
