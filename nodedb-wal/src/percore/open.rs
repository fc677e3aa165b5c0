//! Opening: survey, open each log, restore, and say so in a manifest before anything is written.

use std::sync::Arc;

use super::config::CoresConfig;
use super::cut::Cut;
use super::logs::{CoreLog, CoreLogs};
use super::restore::{Ended, Restored, read_end, uncovered};
use super::sources::Sources;
use super::survey::{Survey, core_storage};
use super::writer::CoreWriter;
use crate::error::{Error, Result};
use crate::format::file_name;
use crate::format::{Manifest, ManifestCore};
use crate::log::Log;
use crate::storage::Storage;
use crate::types::{Epoch, Lsn};

impl CoreLogs {
    /// Opens the logs of all cores, or makes new ones, and one writer for each core of `config`, in
    /// order of number.
    ///
    /// There may be more or fewer cores than there were. A core that had no log gets one. One that
    /// has a log and no writer any more is opened all the same: its records are merged, counted and
    /// truncated with the others until none is left; when it gets a writer again, its sequence goes
    /// on. The global epoch starts behind every epoch there was.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] at once when somebody has the logs open; [`Error::Core`],
    /// [`Error::Manifest`] and [`Error::OtherLayout`] where the directory is not what was written, and
    /// then nothing is changed; and those of [`Log::open`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a config is built for one open"
    )]
    pub fn open(config: CoresConfig) -> Result<(Self, Vec<CoreWriter>)> {
        config.validate()?;
        let storage = config.log.open_storage()?;
        let directory = storage.path().to_path_buf();
        let lock = match storage.lock() {
            Ok(Some(lock)) => lock,
            Ok(None) => return Err(Error::Locked { directory }),
            Err(source) => return Err(Error::of_io("lock", directory, source)),
        };
        let survey = Survey::of(storage.as_ref())?;
        let cores = open_logs(storage.as_ref(), &config, &survey)?;
        let cut_sources = Sources::decode(&survey.manifest.sources)?;
        let cut = Cut::of(&survey.manifest, &cut_sources);
        let mut sources = cut_sources.clone();
        let ends = read_ends(&cores, &survey)?;
        for ended in &ends {
            sources.take_in_all(&ended.committed.commits());
        }
        let next = next_manifest(&config, &survey, &cores, &ends);
        let known = survey.manifest.voids.len();
        let new_voids = next.voids.get(known..).unwrap_or_default();
        let restored = Restored {
            cut,
            offsets: sources.commits(),
            taken_out: new_voids
                .iter()
                .map(|void| (void.core, void.lsns))
                .collect(),
        };
        let mut logs = Self {
            storage,
            cores,
            manifest: survey.manifest,
            manifest_failed: None,
            epoch: next.epoch,
            cut_sources,
            sources,
            restored,
            _lock: lock,
        };
        logs.replace_manifest(next)?;
        let writers = logs.writers(config.cores);
        Ok((logs, writers))
    }

    fn writers(&self, cores: u32) -> Vec<CoreWriter> {
        let written = self.cores.iter().filter(|open| open.core < cores);
        let writer = |open: &CoreLog| CoreWriter::new(open.core, Arc::clone(&open.log), self.epoch);
        written.map(writer).collect()
    }
}

/// Opens the log of every core that gets a writer, and of those that hold records.
fn open_logs(storage: &dyn Storage, config: &CoresConfig, survey: &Survey) -> Result<Vec<CoreLog>> {
    let extra = survey
        .cores
        .iter()
        .filter(|found| found.core >= config.cores && found.has_records());
    let wanted = (0..config.cores).chain(extra.map(|found| found.core));
    let mut cores = Vec::new();
    for core in wanted {
        let name = file_name::core(core);
        storage
            .create_subdirectory(&name)
            .map_err(|source| Error::of_io("create", storage.path().join(name), source))?;
        let storage = core_storage(storage, core)?;
        let log = Arc::new(Log::open(config.log.for_core(core, storage))?);
        cores.push(CoreLog { core, log });
    }
    Ok(cores)
}

fn read_ends(cores: &[CoreLog], survey: &Survey) -> Result<Vec<Ended>> {
    let ends = cores.iter().map(|open| {
        let cut = survey.named(open.core).map_or(Lsn::ZERO, |c| c.cut_lsn);
        read_end(&open.log, cut)
    });
    ends.collect()
}

/// The manifest that says which cores there are now, and what counts no more. Its epoch is one that no
/// record is of: half an epoch is never gone on with.
fn next_manifest(
    config: &CoresConfig,
    survey: &Survey,
    cores: &[CoreLog],
    ends: &[Ended],
) -> Manifest {
    let before = &survey.manifest;
    let latest = ends.iter().map(|ended| ended.epoch);
    let latest = latest.fold(before.epoch, Epoch::max);
    let opened = cores.iter().map(|open| ManifestCore {
        core: open.core,
        is_written: open.core < config.cores,
        log_id: open.log.id().value(),
        cut_lsn: survey.named(open.core).map_or(Lsn::ZERO, |c| c.cut_lsn),
    });
    let is_open = |core: u32| cores.iter().any(|open| open.core == core);
    let closed = before.cores.iter().filter(|named| !is_open(named.core));
    let closed = closed.map(|named| ManifestCore {
        is_written: false,
        ..*named
    });
    let mut all: Vec<ManifestCore> = opened.chain(closed).collect();
    all.sort_by_key(|named| named.core);
    let mut voids = before.voids.clone();
    if config.restores_sources {
        voids.extend(cores.iter().zip(ends).filter_map(|(open, ended)| {
            let last = open.log.next_lsn().previous();
            uncovered(open.core, ended.covered, last, &before.voids)
        }));
    }
    Manifest {
        epoch: Epoch::new(latest.value() + 1),
        cores: all,
        voids,
        ..before.clone()
    }
}
