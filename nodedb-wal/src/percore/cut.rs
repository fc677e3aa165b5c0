//! The consistent cut: a barrier on every core, all of them durable, and then one manifest.

use super::logs::CoreLogs;
use super::manifest;
use super::sources::Sources;
use super::sync::sync_all;
use super::writer::CoreWriter;
use crate::error::{CoreFault, Error, Result};
use crate::format::{Manifest, ManifestCore};
use crate::payload::CommitOffsets;
use crate::types::{Epoch, Lsn, Timestamp};

/// The end of an epoch on one core: only [`CoreWriter::write_epoch_barrier`] makes it. It can be sent
/// to whoever makes the cut.
#[derive(Clone, Debug)]
pub struct Barrier {
    pub(super) core: u32,
    pub(super) epoch: Epoch,
    pub(super) position: Lsn,
    /// What was committed on the core in front of it, since the logs were opened.
    pub(super) committed: Sources,
}

impl Barrier {
    /// The core.
    #[must_use]
    pub fn core(&self) -> u32 {
        self.core
    }

    /// The epoch that ended.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its place in the core's sequence.
    #[must_use]
    pub fn position(&self) -> Lsn {
        self.position
    }
}

/// A point that all cores have passed, on disk: what the last manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The epoch that ended with it.
    pub epoch: Epoch,
    /// When it was made.
    pub at: Timestamp,
    /// For each core, in order of number, its last record of the cut.
    pub positions: Vec<(u32, Lsn)>,
    /// For each source, in order of name, how far it was taken in.
    pub sources: Vec<CommitOffsets>,
}

impl Cut {
    pub(super) fn of(manifest: &Manifest, sources: &Sources) -> Option<Self> {
        (manifest.cut_epoch != Epoch::NONE).then(|| Self {
            epoch: manifest.cut_epoch,
            at: manifest.cut_at,
            positions: manifest
                .cores
                .iter()
                .map(|core| (core.core, core.cut_lsn))
                .collect(),
            sources: sources.commits(),
        })
    }
}

impl CoreLogs {
    /// A consistent cut in one call, for whoever has all writers at hand: ends the global epoch on
    /// every core, makes everything durable, writes the manifest, and goes on in the next epoch.
    ///
    /// `commits` say how far sources were taken in that were not committed with
    /// [`CoreWriter::commit_offsets`].
    ///
    /// # Errors
    ///
    /// As [`Self::write_epoch_barrier_all`] and [`Self::cut`].
    pub fn checkpoint(
        &mut self,
        writers: &mut [CoreWriter],
        commits: &[CommitOffsets],
    ) -> Result<Cut> {
        let barriers = self.write_epoch_barrier_all(writers)?;
        let cut = self.cut(&barriers, commits)?;
        self.advance_epoch();
        self.set_epoch_all(writers)?;
        Ok(cut)
    }

    /// A consistent cut at these barriers, one of each core that has a writer, all of one epoch. Makes
    /// them durable, with all that is before them, and then writes one manifest: after a crash it is
    /// there whole, or the one before is.
    ///
    /// It promises nothing about what was made of the records: write it once your own state of the
    /// epoch is safe, if [`Self::truncate_all`] is to follow.
    ///
    /// # Errors
    ///
    /// [`CoreFault::NoBarrier`]; a core that cannot be synced, see [`Log::commit`](crate::Log::commit);
    /// a manifest that cannot be written. After a full disk the same call may be made again.
    pub fn cut(&mut self, barriers: &[Barrier], commits: &[CommitOffsets]) -> Result<Cut> {
        let epoch = barriers
            .first()
            .map_or(self.epoch(), |barrier| barrier.epoch);
        let mut cores = Vec::new();
        for named in &self.manifest.cores {
            let is_of = |barrier: &&Barrier| barrier.core == named.core && barrier.epoch == epoch;
            let position = match barriers.iter().find(is_of) {
                Some(barrier) => barrier.position,
                None if named.is_written => {
                    return Err(self.fault(named.core, CoreFault::NoBarrier { epoch }));
                }
                // Nobody writes there: it ends where it ended when the logs were opened.
                None => self
                    .log(named.core)
                    .map_or(named.cut_lsn, |log| log.next_lsn().previous()),
            };
            cores.push(ManifestCore {
                cut_lsn: position.max(named.cut_lsn),
                ..*named
            });
        }
        let wanted = cores
            .iter()
            .filter_map(|core| Some((self.log(core.core)?, core.cut_lsn)));
        sync_all(wanted)?;
        let mut sources = self.sources.clone();
        for barrier in barriers {
            sources.take_in_all(&barrier.committed.commits());
        }
        sources.take_in_all(commits);
        let next = Manifest {
            epoch: self.epoch().max(epoch),
            cut_epoch: epoch.max(self.manifest.cut_epoch),
            cut_at: self.storage.now(),
            cores,
            sources: sources.encode()?,
            ..self.manifest.clone()
        };
        self.replace_manifest(next)?;
        self.cut_sources = sources.clone();
        self.sources = sources;
        // The manifest just written is of a cut.
        Ok(self
            .last_cut()
            .unwrap_or_else(|| unreachable!("a cut was made")))
    }

    /// The last cut; `None` before the first.
    #[must_use]
    pub fn last_cut(&self) -> Option<Cut> {
        Cut::of(&self.manifest, &self.cut_sources)
    }

    /// Writes the manifest that follows the one there is.
    ///
    /// # Errors
    ///
    /// As [`manifest::store`]. After an error that is not to be tried again, nothing that counts on
    /// the manifest works until the logs are opened again: which one is on disk is unknown.
    pub(super) fn replace_manifest(&mut self, next: Manifest) -> Result<()> {
        if let Some(source) = &self.manifest_failed {
            let source = std::sync::Arc::clone(source);
            return Err(Error::Poisoned { source });
        }
        let mut next = Manifest {
            generation: self.manifest.generation + 1,
            ..next
        };
        next.voids.retain(|void| match self.log(void.core) {
            Some(log) => log.start_lsn() <= void.lsns.last,
            None => false,
        });
        match manifest::store(self.storage.as_ref(), &next) {
            Ok(()) => {
                self.manifest = next;
                Ok(())
            }
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => {
                tracing::error!(%error, "the manifest could not be written; no cut until the logs are opened again");
                let source = std::sync::Arc::new(error);
                self.manifest_failed = Some(std::sync::Arc::clone(&source));
                Err(Error::Poisoned { source })
            }
        }
    }
}
