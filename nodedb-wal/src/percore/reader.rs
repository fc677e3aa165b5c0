//! The logs of all cores opened for reading only.

use std::path::PathBuf;
use std::sync::Arc;

use super::cut::Cut;
use super::merge::{Merge, open_merge};
use super::merge_options::MergeOptions;
use super::sources::Sources;
use super::survey::Survey;
use crate::error::Result;
use crate::log::{ReadOptions, Reader};
use crate::storage::{IoMode, OsStorage, Storage};
use crate::types::Lsn;

/// The logs of all cores, opened for reading: it takes no lock and changes nothing. It shows each
/// core's log as [`Reader`] does, and every core there is, whether or not it has a writer.
#[derive(Debug)]
pub struct CoreReader {
    survey: Survey,
    sources: Sources,
}

impl CoreReader {
    /// Opens the logs in `directory`.
    ///
    /// # Errors
    ///
    /// Those of [`CoreLogs::open`](super::CoreLogs::open), but for the locks; an I/O error when there
    /// is no such directory.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self> {
        // The mode is one of writing, and a reader does not write.
        Self::open_on(Arc::new(OsStorage::new(directory, IoMode::Buffered)))
    }

    /// Opens the logs on `storage`.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as it is of a reader of one log"
    )]
    pub fn open_on(storage: Arc<dyn Storage>) -> Result<Self> {
        let survey = Survey::of(storage.as_ref())?;
        let sources = Sources::decode(&survey.manifest.sources)?;
        Ok(Self { survey, sources })
    }

    /// The records of all cores, in order.
    ///
    /// # Errors
    ///
    /// As [`CoreLogs::merge`](super::CoreLogs::merge).
    pub fn merge(&self, options: &MergeOptions) -> Result<Merge> {
        let cores = self.survey.cores.iter();
        let cores = cores.map(|found| {
            let last = found.reader.next_lsn().previous();
            (found.core, found.reader.start_lsn(), last, &found.reader)
        });
        let read = |reader: &Reader, options: ReadOptions| reader.read(options);
        open_merge(&self.survey.manifest, cores, read, options)
    }

    /// The cores, their oldest and their last record.
    pub fn cores(&self) -> impl Iterator<Item = (u32, Lsn, Lsn)> {
        self.survey.cores.iter().map(|found| {
            let reader = &found.reader;
            (found.core, reader.start_lsn(), reader.next_lsn().previous())
        })
    }

    /// The last cut; `None` before the first.
    #[must_use]
    pub fn last_cut(&self) -> Option<Cut> {
        Cut::of(&self.survey.manifest, &self.sources)
    }
}
