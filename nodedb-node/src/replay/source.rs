//! What a replay reads from.

use nodedb_wal::types::Lsn;
use nodedb_wal::{Log, ReadOptions, Reader, Records};

/// A log that can be read. Nothing here can append to it.
pub trait ReplaySource {
    /// The oldest LSN the log holds.
    fn start_lsn(&self) -> Lsn;

    /// The last durable record; the one before [`Self::start_lsn`] when there is none.
    fn last_lsn(&self) -> Lsn;

    /// A stream of the log's records.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or what is asked for was truncated away.
    fn read(&self, options: ReadOptions) -> nodedb_wal::Result<Records>;
}

impl ReplaySource for Log {
    fn start_lsn(&self) -> Lsn {
        self.start_lsn()
    }

    fn last_lsn(&self) -> Lsn {
        self.durable_lsn()
    }

    fn read(&self, options: ReadOptions) -> nodedb_wal::Result<Records> {
        self.read(options)
    }
}

impl ReplaySource for Reader {
    fn start_lsn(&self) -> Lsn {
        self.start_lsn()
    }

    fn last_lsn(&self) -> Lsn {
        self.next_lsn().previous()
    }

    fn read(&self, options: ReadOptions) -> nodedb_wal::Result<Records> {
        self.read(options)
    }
}
