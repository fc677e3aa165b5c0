//! The settings of a log per core.

use crate::config::Config;
use crate::error::{Error, Result};

/// The settings of a log per core.
#[derive(Clone, Debug)]
pub struct CoresConfig {
    pub(super) log: Config,
    pub(super) cores: u32,
    pub(super) restores_sources: bool,
}

impl CoresConfig {
    /// The most cores there can be.
    pub const CORES_MAX: u32 = 4_096;

    /// Logs for `cores` cores, from 0 on, in the directory of `log`, each with its other settings:
    /// segments of that length, buffers of that size. [`Config::shared_write_bytes`] holds up no
    /// core's owner: it appends alone, for all tenants of its core.
    #[must_use]
    pub fn new(log: Config, cores: u32) -> Self {
        Self {
            log,
            cores,
            restores_sources: false,
        }
    }

    /// Exactly once for sources: whatever a core's log holds behind the last offsets that were
    /// committed on that core counts no more when the logs are opened, as the source will bring it
    /// again from [`Restored::offsets`](super::Restored::offsets) on. Only for logs whose records all
    /// come from such sources; and a partition of a source belongs to one core between two cuts.
    #[must_use]
    pub fn restore_sources(mut self) -> Self {
        self.restores_sources = true;
        self
    }

    /// # Errors
    ///
    /// [`Error::Config`] names the first setting that is out of range.
    pub(super) fn validate(&self) -> Result<()> {
        if !(1..=Self::CORES_MAX).contains(&self.cores) {
            return Err(Error::Config {
                setting: "cores",
                value: u64::from(self.cores),
                requirement: "from 1 to 4,096",
            });
        }
        self.log.validate()
    }
}
