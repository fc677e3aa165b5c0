//! What a merge delivers.

use crate::types::Epoch;

/// What a merge delivers: everything, unless narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeOptions {
    pub(super) until_epoch: Option<Epoch>,
    pub(super) complete_only: bool,
    pub(super) from_cut: bool,
    pub(super) with_taken_out: bool,
}

impl MergeOptions {
    /// Every record of every core.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// No record of a later epoch.
    #[must_use]
    pub fn until_epoch(mut self, last: Epoch) -> Self {
        self.until_epoch = Some(last);
        self
    }

    /// Only epochs that ended on every core that is written: each has the barrier of that epoch, or of
    /// a later one. What comes after this never adds to them.
    #[must_use]
    pub fn complete(mut self) -> Self {
        self.complete_only = true;
        self
    }

    /// Only records behind the last cut.
    #[must_use]
    pub fn from_cut(mut self) -> Self {
        self.from_cut = true;
        self
    }

    /// Also records that were taken out because their source brought them again: see
    /// [`CoresConfig::restore_sources`](super::CoresConfig::restore_sources).
    #[must_use]
    pub fn with_taken_out(mut self) -> Self {
        self.with_taken_out = true;
        self
    }
}
