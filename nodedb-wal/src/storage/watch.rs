//! What tells a reader that another process has changed something in the directory.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What may have happened in a directory since somebody last asked. More may be said than happened,
/// never less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files came, went, or have other names.
    pub names: bool,
    /// Bytes of a file were written, or its length was changed.
    pub bytes: bool,
}

impl Changes {
    /// Anything may have happened.
    pub const ALL: Self = Self {
        names: true,
        bytes: true,
    };

    /// Whether nothing happened.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        !self.names && !self.bytes
    }

    /// What happened here or there.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            names: self.names || other.names,
            bytes: self.bytes || other.bytes,
        }
    }
}

/// Watches a directory for what other processes do there. It misses nothing that happens after it was
/// made.
pub trait DirectoryWatch: Send + fmt::Debug {
    /// Sleeps until something happened since the last call, for `at_most` where that is given, or until
    /// it is [woken](Self::alarm); what happened. A write is told after it has ended: whoever reads then
    /// sees it.
    ///
    /// # Errors
    ///
    /// The operating system tells no more.
    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<Changes>;

    /// Whether the operating system tells. Otherwise the watch says every so often that anything may
    /// have happened.
    fn is_told(&self) -> bool;

    /// Ends a [`Self::wait`] of another thread, this one's next, and every one after that.
    fn alarm(&self) -> Arc<dyn Alarm>;
}

/// Wakes whoever waits for a [`DirectoryWatch`].
pub trait Alarm: Send + Sync + fmt::Debug {
    /// Rings; may be called at any time, from any thread.
    fn ring(&self);
}
