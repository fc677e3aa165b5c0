//! Opening: take the lock, read what is there, start a new segment behind it, seal the past.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bulk::Unsynced;
use super::commit_async::Pending;
use super::followers::Followers;
use super::handover::{Handed, Handover};
use super::image::{Image, OnFault};
use super::past::{Past, Unsealed, open_for_writing, seal_found};
use super::prepare::{self, Preparer};
use super::report::RecoveryReport;
use super::retire::drop_files;
use super::rotate::{Begin, begin_segment};
use super::sealing::{Sealer, Sealing};
use super::shares::Shares;
use super::state::{Active, Core, Disk, Limits, State};
use super::stats::{Counters, Waits};
use super::sync_behind::{Syncer, Syncing};
use super::verify::check_sealed;
use super::view::View;
use super::waiters::{Sleepers, Waiters};
use super::witness::{Watch, Watcher};
use crate::config::{Config, OpenCheck};
use crate::error::{CoreFault, Error, Result};
use crate::format::SegmentHeader;
use crate::format::checksum::Digest;
use crate::format::file_name::{self, FileKind};
use crate::format::layout::DATA_START;
use crate::segment::{SegmentEntry, WriteBuffer, finish_seal};
use crate::storage::{Access, DirectoryLock, Storage};
use crate::sync::{AtomicU64, Condvar, Mutex};
use crate::types::Lsn;

/// Opens the log of `config`.
pub(crate) fn open(config: &Config) -> Result<(Core, RecoveryReport)> {
    config.validate()?;
    let storage = config.open_storage()?;
    let lock = take_lock(storage.as_ref())?;
    let synced = forget_cached_ends(storage.as_ref())?;
    let mut image = Image::load(&storage, OnFault::Refuse, config.open_check)?;
    check_core(storage.as_ref(), &image, config.core)?;
    let scars = check_sealed_segments(&image, config.open_check)?;
    image.report.scars.extend(scars);
    settle(storage.as_ref(), &image, &synced)?;
    for name in &image.unfinished {
        prepare::remove(storage.as_ref(), name)?;
    }
    let preparer = Preparer::start(
        Arc::clone(&storage),
        config.segment_bytes,
        image.prepared.clone(),
    )?;
    let header = SegmentHeader {
        core: config.core,
        ..next_header(storage.as_ref(), &image, config.segment_bytes)?
    };
    let active = begin(&storage, &preparer, header)?;
    let (kept, left) = seal_past(storage.as_ref(), &mut image)?;
    if !image.retired.is_empty() {
        drop_files(storage.as_ref(), &preparer, image.retired)?;
    }
    let segments = kept
        .into_iter()
        .chain([Arc::clone(&active.entry)])
        .collect();
    let view = Arc::new(View::new(
        Arc::clone(&storage),
        segments,
        image.end.last_lsn,
    ));
    let shares = Shares::new(config.shared_write_bytes);
    let state = new_state(active, lock, shares);
    tracing::info!(
        directory = %storage.path().display(),
        verdict = %image.report.verdict,
        last_lsn = %image.end.last_lsn,
        "log opened"
    );
    let limits = Limits {
        segment_bytes: config.segment_bytes,
        payload_bytes_max: config.payload_bytes_max,
        batch_bytes_max: config.batch_bytes_max,
        buffer_bytes: config.buffer_bytes,
        tail_policy: config.tail_policy,
    };
    let core = Core {
        storage,
        limits,
        view,
        preparer,
        state: Mutex::new(state),
        changed: Condvar::new(),
        turn: Condvar::new(),
        waiters: Waiters::default(),
        handover: Handover::default(),
        watcher: Watcher::default(),
        syncer: Syncer::default(),
        sealer: Sealer::default(),
        pending: Pending::default(),
        followers: Followers::default(),
        past: Past::new(image.end, left),
        commits: AtomicU64::new(0),
        waits: Waits::default(),
    };
    Ok((core, image.report))
}

fn take_lock(storage: &dyn Storage) -> Result<Box<dyn DirectoryLock>> {
    let directory = storage.path().to_path_buf();
    match storage.lock() {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Error::Locked { directory }),
        Err(source) => Err(Error::of_io("lock", directory, source)),
    }
}

/// The log of a core is written by that core and by nobody else.
fn check_core(storage: &dyn Storage, image: &Image, core: u32) -> Result<()> {
    let mut segments = image.segments.iter();
    if image.segments.is_empty() && image.is_of_cores {
        let directory = storage.path().to_path_buf();
        return Err(Error::OtherLayout {
            directory,
            is_plain: false,
        });
    }
    match segments.find(|entry| entry.header().core != core) {
        Some(other) => Err(Error::Core {
            directory: other.path().with_file_name(""),
            core,
            source: CoreFault::WrittenByAnother {
                found: other.header().core,
            },
        }),
        None => Ok(()),
    }
}

/// Reads sealed segments as far as the settings ask, and gives back where the last one is damaged
/// without holding a record there.
fn check_sealed_segments(image: &Image, check: OpenCheck) -> Result<Vec<u64>> {
    let first = match check {
        OpenCheck::LastWrites => image.segments.len(),
        OpenCheck::LastSegment => image.segments.len().saturating_sub(1),
        OpenCheck::Everything => 0,
    };
    let mut scars = Vec::new();
    for entry in image.segments.iter().skip(first) {
        for error in check_sealed(entry)? {
            match (check, error) {
                // As where the last segment is not sealed: no record is lost, and what a footer says
                // is found by reading the records.
                (
                    OpenCheck::LastSegment,
                    Error::Scar { offset, .. } | Error::FooterDamaged { offset, .. },
                ) => scars.push(offset),
                (_, error) => return Err(error),
            }
        }
    }
    Ok(scars)
}

/// Has recovery read the disk and not the cache, in the segments that the last process can have been
/// writing: the active one and the one being sealed. A process whose sync failed leaves pages in the
/// cache that look written and are not. Recovery would count on them, and records acknowledged
/// behind them would be lost with the power. Gives back the names of the segments, which are on disk
/// as they are.
fn forget_cached_ends(storage: &dyn Storage) -> Result<Vec<String>> {
    let io = |operation, path: PathBuf| {
        move |source| Error::Io {
            operation,
            path,
            source,
        }
    };
    let directory = storage.path().to_path_buf();
    let files = storage.list().map_err(io("list", directory))?;
    let segments = files
        .into_iter()
        .map(|file| file.name)
        .filter(|name| matches!(file_name::parse(name), FileKind::Segment(_)));
    let ends: Vec<String> = segments.rev().take(2).collect();
    for name in &ends {
        let path = storage.path().join(name);
        let file = storage
            .open(name, Access::Write)
            .map_err(io("open", path.clone()))?;
        file.forget_cached().map_err(io("sync", path))?;
    }
    Ok(ends)
}

/// Makes durable what was found, the segments named in `synced` being so already. A process that was killed leaves writes and names in the cache,
/// where they are seen and can still be lost: they have to be on disk before a new segment counts on
/// them, and before space that was a segment is written again.
fn settle(storage: &dyn Storage, image: &Image, synced: &[String]) -> Result<()> {
    let io = |operation, path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io {
            operation,
            path,
            source,
        }
    };
    let last = image.segments.last();
    let unsealed = image.unsealed.iter().map(|past| &past.entry).chain(last);
    let unsynced = |entry: &&Arc<SegmentEntry>| {
        entry.trailer().is_none() && !synced.iter().any(|name| name == entry.name())
    };
    for entry in unsealed.filter(unsynced) {
        let file = open_for_writing(storage, entry)?;
        file.sync().map_err(io("sync", entry.path()))?;
    }
    storage.sync_directory().map_err(io("sync", storage.path()))
}

/// The header of the segment that comes behind what was found.
fn next_header(storage: &dyn Storage, image: &Image, capacity: u64) -> Result<SegmentHeader> {
    let end = &image.end;
    let created_at = storage.now().max(end.last_timestamp);
    let Some(last) = image.segments.last().map(|entry| entry.header()) else {
        let mut log_id = [0; 16];
        storage
            .fill_random(&mut log_id)
            .map_err(|source| Error::Io {
                operation: "draw an id for",
                path: storage.path().to_path_buf(),
                source,
            })?;
        return Ok(SegmentHeader {
            log_id: u128::from_le_bytes(log_id),
            number: 1,
            first_lsn: Lsn::FIRST,
            previous_last_lsn: Lsn::ZERO,
            previous_digest: Digest::EMPTY,
            salt: 0,
            core: 0,
            key_id: 0,
            created_at,
            capacity,
            start_lsn: Lsn::FIRST,
        });
    };
    let start_lsn = end.start_lsn;
    if end.last_lsn < last.first_lsn {
        // The last segment has no record: the new one takes its place, and its file's name.
        return Ok(SegmentHeader {
            created_at,
            capacity,
            start_lsn,
            ..*last
        });
    }
    Ok(SegmentHeader {
        number: last.number + 1,
        first_lsn: end.last_lsn.next(),
        previous_last_lsn: end.last_lsn,
        previous_digest: end.digest,
        created_at,
        capacity,
        start_lsn,
        ..*last
    })
}

fn begin(storage: &Arc<dyn Storage>, preparer: &Preparer, header: SegmentHeader) -> Result<Active> {
    begin_segment(storage, preparer.take_quickly()?, header).map_err(|begin| match begin {
        Begin::NoSpace(error, _) | Begin::Failed(error) => error,
    })
}

/// Seals what is not sealed and was examined whole, and what was sealed in half. Gives back the
/// segments that stay, which are all but a last one without records, whose place the new segment
/// took; and what is left to be sealed.
fn seal_past(
    storage: &dyn Storage,
    image: &mut Image,
) -> Result<(Vec<Arc<SegmentEntry>>, Vec<Unsealed>)> {
    let mut kept = image.segments.clone();
    let last = image.segments.last().zip(image.tail.take());
    let mut unsealed = std::mem::take(&mut image.unsealed);
    unsealed.extend(last.map(|(entry, tail)| Unsealed {
        entry: Arc::clone(entry),
        last_lsn: tail.last_lsn,
        digest: tail.digest,
        examined: tail.index.is_some().then_some(tail),
    }));
    let mut left = Vec::new();
    for past in unsealed {
        if past.last_lsn < past.entry.header().first_lsn {
            kept.retain(|other| !Arc::ptr_eq(other, &past.entry));
        } else if let Some(tail) = &past.examined {
            seal_found(storage, &past.entry, tail, &image.end)?;
        } else {
            left.push(past);
        }
    }
    for entry in image.segments.iter().filter(|e| e.is_half_sealed()) {
        finish_half_sealed(storage, entry)?;
    }
    Ok((kept, left))
}

fn finish_half_sealed(storage: &dyn Storage, entry: &SegmentEntry) -> Result<()> {
    let Some(trailer) = entry.trailer() else {
        return Ok(());
    };
    let file = open_for_writing(storage, entry)?;
    match finish_seal(file.as_ref(), entry.path(), entry.header(), trailer) {
        // One copy is enough to go on with.
        Err(error @ Error::DiskFull { .. }) => {
            tracing::warn!(%error, "a trailer of the past stays with one copy");
            Ok(())
        }
        finished => finished,
    }
}

fn new_state(active: Active, lock: Box<dyn DirectoryLock>, shares: Shares) -> State {
    let header = *active.entry.header();
    let mut filling = WriteBuffer::default();
    filling.start_at(DATA_START);
    State {
        next_lsn: header.first_lsn,
        last_timestamp: header.created_at,
        start_lsn: header.start_lsn,
        active: Some(active),
        filling,
        batch_from: None,
        shares,
        refused: None,
        handed: Handed::default(),
        watch: Watch::from(header.first_lsn.previous()),
        syncing: Syncing::default(),
        sealing: Sealing::default(),
        unsynced: Unsynced::default(),
        spare: WriteBuffer::default(),
        disk: Disk::Idle,
        sleepers: Sleepers::default(),
        slept: 0,
        writes_cut: 0,
        last_cut_lsn: header.first_lsn.previous(),
        poison: None,
        is_closed: false,
        counters: Counters::default(),
        lock: Some(lock),
    }
}
