//! okaywal 0.3.1. It recycles a file once a checkpointer has taken what is in it; the one here takes
//! nothing and agrees at once when commits are measured, and never comes when the log is to be kept.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;

use okaywal::{
    Configuration, Entry, EntryId, LogManager, LogVoid, ReadChunkResult, SegmentReader,
    WriteAheadLog,
};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "okaywal",
    title: "okaywal 0.3.1",
    standing: Standing::Durable,
    commit: "buffered write, then one fdatasync for everybody who waits, over files of 1 MiB that are \
             recycled: a checkpointer that does nothing lets go of them every 768 KiB",
    stream: "one entry with a chunk per record, committed at the end; no checkpoint, one growing file",
    checks: true,
    replay: "recovery hands over each chunk; CRC-32C of each, asked for with `check_crc`",
    open,
    read,
};

struct Okay {
    log: WriteAheadLog,
}

fn kept(directory: &Path) -> Configuration {
    Configuration::default_for(directory).checkpoint_after_bytes(u64::MAX)
}

fn open(directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let log = match purpose {
        Purpose::Commits { .. } => WriteAheadLog::recover(directory, LogVoid)?,
        Purpose::Stream { .. } | Purpose::Reopen => kept(directory).open(KeepAll)?,
    };
    Ok(Box::new(Okay { log }))
}

impl Peer for Okay {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let mut entry = self.log.begin_entry()?;
        entry.write_chunk(payload)?;
        entry.commit()?;
        Ok(())
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut entry = self.log.begin_entry()?;
        for payload in payloads {
            entry.write_chunk(payload)?;
        }
        entry.commit()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.log.shutdown()?;
        Ok(())
    }
}

/// Takes note of what is there, entry by entry, and keeps it in the log.
#[derive(Debug)]
struct KeepAll;

impl LogManager for KeepAll {
    fn recover(&mut self, _entry: &mut Entry<'_>) -> io::Result<()> {
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        _last: EntryId,
        _entries: &mut SegmentReader,
        _log: &WriteAheadLog,
    ) -> io::Result<()> {
        Ok(())
    }
}

fn read(directory: &Path, each: Each) -> Result<(), Failure> {
    let hand_over = HandOver {
        each: Mutex::new(each),
        payload: Vec::new(),
    };
    kept(directory).open(hand_over)?.shutdown()?;
    Ok(())
}

/// Hands over every chunk, checked.
struct HandOver {
    each: Mutex<Each>,
    payload: Vec<u8>,
}

impl fmt::Debug for HandOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOver").finish_non_exhaustive()
    }
}

impl LogManager for HandOver {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        let each = self
            .each
            .get_mut()
            .map_err(|_| damaged("a reader panicked"))?;
        loop {
            match entry.read_chunk()? {
                ReadChunkResult::Chunk(mut chunk) => {
                    self.payload.clear();
                    chunk.read_to_end(&mut self.payload)?;
                    if !chunk.check_crc()? {
                        return Err(damaged("a chunk is damaged"));
                    }
                    each(&self.payload);
                }
                ReadChunkResult::EndOfEntry => return Ok(()),
                ReadChunkResult::AbortedEntry => return Err(damaged("an entry has no end")),
            }
        }
    }

    fn checkpoint_to(
        &mut self,
        _last: EntryId,
        _entries: &mut SegmentReader,
        _log: &WriteAheadLog,
    ) -> io::Result<()> {
        Ok(())
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
