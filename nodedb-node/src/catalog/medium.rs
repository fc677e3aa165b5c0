//! Where the catalog's bytes are, for those who do not want a file: tests that cut the power.

use std::fmt;
use std::io;

/// Bytes that can be read, written and synced, as a file's are.
pub trait Medium: fmt::Debug + Send + Sync + 'static {
    /// How many bytes there are.
    ///
    /// # Errors
    ///
    /// The medium failed.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    ///
    /// There are fewer bytes, or the medium failed.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `offset`. Durable after [`Self::sync`].
    ///
    /// # Errors
    ///
    /// There is no room, or the medium failed.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts what is there, or extends it with zeros. Durable after [`Self::sync`].
    ///
    /// # Errors
    ///
    /// There is no room, or the medium failed.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes everything written so far durable.
    ///
    /// # Errors
    ///
    /// The medium failed; what is durable is unknown.
    fn sync(&self) -> io::Result<()>;
}

/// A medium as redb wants it.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Box<dyn Medium>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
