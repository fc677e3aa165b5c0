//! What there is of a log per core, and whether it fits the manifest. It reads only.

use std::sync::Arc;

use super::manifest;
use crate::error::{CoreFault, Error, Result};
use crate::format::file_name::{self, FileKind};
use crate::format::{Manifest, ManifestCore};
use crate::log::Reader;
use crate::storage::Storage;
use crate::types::Lsn;

/// The directories of the cores, and the manifest.
#[derive(Debug)]
pub(super) struct Survey {
    /// What the manifest says; an empty one where there is none yet.
    pub(super) manifest: Manifest,
    /// Every core that has a log, in order of number.
    pub(super) cores: Vec<Surveyed>,
}

/// One core's log, opened for reading.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) core: u32,
    pub(super) reader: Reader,
}

/// What a core's log is, as far as the manifest can be held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Evidence {
    has_segments: bool,
    /// Another core whose segments they are.
    other_core: Option<u32>,
    last: Lsn,
}

impl Survey {
    /// Looks at everything on `storage`, and checks that each core's log is the one the manifest
    /// names, and as long as it was at the last cut.
    ///
    /// # Errors
    ///
    /// [`Error::Core`], [`Error::Manifest`], [`Error::OtherLayout`], and what a core's log is refused
    /// for.
    pub(super) fn of(storage: &dyn Storage) -> Result<Self> {
        let manifest = manifest::load(storage)?.unwrap_or_default();
        let directory = || storage.path().to_path_buf();
        let io = |source| Error::of_io("list", directory(), source);
        let files = storage.list().map_err(io)?;
        let is_segment = |name: &str| matches!(file_name::parse(name), FileKind::Segment(_));
        if files.iter().any(|file| is_segment(&file.name)) {
            return Err(Error::OtherLayout {
                directory: directory(),
                is_plain: true,
            });
        }
        let found = storage.subdirectories().map_err(io)?;
        let mut cores = Vec::new();
        for core in found.iter().filter_map(|name| file_name::parse_core(name)) {
            let reader = Reader::open_on(core_storage(storage, core)?)?;
            cores.push(Surveyed { core, reader });
        }
        cores.sort_by_key(|surveyed| surveyed.core);
        let survey = Self { manifest, cores };
        survey.check(storage)?;
        Ok(survey)
    }

    /// What the manifest says of a core.
    pub(super) fn named(&self, core: u32) -> Option<&ManifestCore> {
        self.manifest.cores.iter().find(|named| named.core == core)
    }

    fn check(&self, storage: &dyn Storage) -> Result<()> {
        let faulty = |core: u32, source| Error::Core {
            directory: storage.path().join(file_name::core(core)),
            core,
            source,
        };
        for named in &self.manifest.cores {
            if !self.cores.iter().any(|found| found.core == named.core) {
                return Err(faulty(named.core, CoreFault::Missing));
            }
        }
        for found in &self.cores {
            let named = self.named(found.core);
            let id = Some(found.reader.id().value()).filter(|id| *id != 0);
            let evidence = Evidence {
                has_segments: id.is_some(),
                other_core: found.reader.cores().find(|&core| core != found.core),
                last: found.reader.next_lsn().previous(),
            };
            if let (None, Some(named), Some(id)) = (evidence.other_core, named, id)
                && named.log_id != id
            {
                return Err(Error::ForeignSegment {
                    path: storage.path().join(file_name::core(found.core)),
                    expected: named.log_id,
                    found: id,
                });
            }
            if let Some(fault) = judge(named, evidence, found.reader.is_in_use()) {
                return Err(faulty(found.core, fault));
            }
        }
        Ok(())
    }
}

impl Surveyed {
    /// Whether the log holds any record.
    pub(super) fn has_records(&self) -> bool {
        self.reader.start_lsn() < self.reader.next_lsn()
    }
}

/// The door to a core's directory.
pub(super) fn core_storage(storage: &dyn Storage, core: u32) -> Result<Arc<dyn Storage>> {
    let name = file_name::core(core);
    storage
        .subdirectory(&name)
        .map_err(|source| Error::of_io("open", storage.path().join(name), source))
}

/// What is wrong with a core's log. Of a log that is being written, a reader may see less than was
/// durable at the last cut.
fn judge(named: Option<&ManifestCore>, found: Evidence, is_in_use: bool) -> Option<CoreFault> {
    if let Some(other) = found.other_core {
        return Some(CoreFault::WrittenByAnother { found: other });
    }
    let last = found.last;
    match named {
        _ if is_in_use => None,
        None => (last > Lsn::ZERO).then_some(CoreFault::Unknown { last }),
        Some(_) if !found.has_segments => Some(CoreFault::Missing),
        Some(named) => (last < named.cut_lsn).then_some(CoreFault::Behind {
            cut: named.cut_lsn,
            last,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_judged_by_what_the_manifest_says_of_it() {
        let named = |cut| ManifestCore {
            core: 1,
            is_written: true,
            log_id: 7,
            cut_lsn: Lsn::new(cut),
        };
        let found = |has_segments, last| Evidence {
            has_segments,
            other_core: None,
            last: Lsn::new(last),
        };
        let lsn = Lsn::new;
        let check = |named: Option<ManifestCore>, found, in_use, expected| {
            assert_eq!(judge(named.as_ref(), found, in_use), expected);
        };
        check(None, found(false, 0), false, None);
        check(None, found(true, 0), false, None);
        let unknown = CoreFault::Unknown { last: lsn(3) };
        check(None, found(true, 3), false, Some(unknown));
        check(None, found(true, 3), true, None);
        let missing = Some(CoreFault::Missing);
        check(Some(named(0)), found(false, 0), false, missing);
        check(Some(named(9)), found(true, 9), false, None);
        let behind = CoreFault::Behind {
            cut: lsn(9),
            last: lsn(8),
        };
        check(Some(named(9)), found(true, 8), false, Some(behind));
        check(Some(named(9)), found(true, 8), true, None);
        let other = Evidence {
            other_core: Some(0),
            ..found(true, 9)
        };
        let copied = CoreFault::WrittenByAnother { found: 0 };
        check(Some(named(9)), other, false, Some(copied));
    }
}
