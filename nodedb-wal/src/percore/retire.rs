//! Dropping what is not needed: up to the last cut, or everything.

use super::logs::CoreLogs;
use crate::error::Result;
use crate::format::{Manifest, ManifestCore};
use crate::log::Truncated;
use crate::types::Lsn;

impl CoreLogs {
    /// Retires, on every core, the sealed segments whose records are all of the last cut. Without a
    /// cut nothing is dropped; records behind it never are. Gives back what was dropped of each core.
    ///
    /// # Errors
    ///
    /// As [`Log::truncate_before`](crate::Log::truncate_before). Cores before the one that failed
    /// are truncated; the call may be made again.
    pub fn truncate_all(&mut self) -> Result<Vec<(u32, Truncated)>> {
        let mut all = Vec::new();
        for named in &self.manifest.cores {
            if let Some(log) = self.log(named.core) {
                all.push((named.core, log.truncate_before(named.cut_lsn.next())?));
            }
        }
        Ok(all)
    }

    /// Drops every record that was appended so far, on every core. Sequences and epochs go on: none
    /// starts again. Offsets of sources stay as they were at the last cut, or at opening if that was
    /// later: make a cut first where more was committed since.
    ///
    /// # Errors
    ///
    /// As [`Self::cut`] and [`Self::truncate_all`]. After a failure some cores may be empty and others
    /// not; the call may be made again, unless the log or the manifest is poisoned.
    pub fn reset_all(&mut self) -> Result<()> {
        let ends: Vec<(u32, Lsn)> = self
            .cores
            .iter()
            .map(|open| (open.core, open.log.next_lsn().previous()))
            .collect();
        self.sync_all()?;
        // First of all the manifest: it keeps the epoch when no record is left that could.
        let ended = |core: u32| ends.iter().find(|end| end.0 == core).map(|end| end.1);
        let cores = self.manifest.cores.iter().map(|named| ManifestCore {
            cut_lsn: ended(named.core).unwrap_or(named.cut_lsn),
            ..*named
        });
        let next = Manifest {
            epoch: self.epoch,
            cores: cores.collect(),
            sources: self.sources.encode()?,
            ..self.manifest.clone()
        };
        self.replace_manifest(next)?;
        for open in &self.cores {
            open.log.rotate()?;
        }
        self.truncate_all().map(|_dropped| ())
    }
}
