//! What a peer is to the benchmark: something that appends, commits, replays. It must not know how
//! any of them is measured.

use std::error::Error;
use std::fmt;
use std::path::Path;

/// Whatever went wrong, in the words of the peer.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What a log is opened for. A peer that has to be set up differently for one than for another says so
/// in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Many commits, each durable by itself; nothing is read afterwards.
    Commits { threads: usize },
    /// One thread appends, with a sync at the end; what it wrote is kept.
    Stream { payload_bytes: u64 },
    /// A log that is there already, to append to it.
    Reopen,
}

/// A log that is open.
pub(crate) trait Peer: Send + Sync {
    /// Appends `payload` and returns once it is as durable as this peer makes it. `thread` counts
    /// from 0.
    fn commit(&self, thread: usize, payload: &[u8]) -> Result<(), Failure>;

    /// Appends all of `payloads`, and makes them durable at the end.
    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure>;

    /// Closes it as its documentation says.
    fn close(self: Box<Self>) -> Result<(), Failure>;
}

/// A peer as the benchmark knows it before it is opened.
pub(crate) struct Kind {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is, for people: crate, version and set-up.
    pub(crate) title: &'static str,
    pub(crate) standing: Standing,
    /// What a commit does, read from its source.
    pub(crate) commit: &'static str,
    /// What its stream does, and how it is durable at the end.
    pub(crate) stream: &'static str,
    /// Whether replay checks a checksum over every payload.
    pub(crate) checks: bool,
    /// How it is replayed, and what it checks.
    pub(crate) replay: &'static str,
    pub(crate) open: fn(&Path, Purpose) -> Result<Box<dyn Peer>, Failure>,
    pub(crate) read: ReadAll,
}

/// Hands every payload in a directory that nobody has open to a function, opening included.
pub(crate) type ReadAll = fn(&Path, Each) -> Result<(), Failure>;

/// Is given each payload in turn. It is owned, because one peer keeps it as long as it lives.
pub(crate) type Each = Box<dyn FnMut(&[u8]) + Send>;

/// What a row is in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Ours,
    /// What the disk does by itself.
    Raw,
    /// A commit is on disk when it returns.
    Durable,
    /// A commit may be lost with the power: measured, but not compared with.
    NotDurable,
}

impl Kind {
    /// Whether `other` is held against this one in what it writes.
    pub(crate) fn rivals_in_writing(&self) -> bool {
        self.standing == Standing::Durable
    }

    /// The same for what it reads.
    pub(crate) fn rivals_in_reading(&self) -> bool {
        matches!(self.standing, Standing::Durable | Standing::NotDurable) && self.checks
    }

    /// Whether it takes part in this workload at all: the disk has no open.
    pub(crate) fn opens(&self) -> bool {
        self.standing != Standing::Raw
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Where payloads may start; payloads reach up to [`PAYLOAD_BYTES_MAX`] behind it.
const STARTS: usize = 1 << 20;
const STEP_BYTES: usize = 64;
const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// Random bytes that payloads are slices of: nothing on the way can make them shorter, and to get one
/// costs nothing beside appending it.
#[derive(Debug)]
pub(crate) struct Content {
    bytes: Vec<u8>,
}

impl Content {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = vec![0; STARTS + PAYLOAD_BYTES_MAX];
        fastrand::Rng::with_seed(seed).fill(&mut bytes);
        Self { bytes }
    }

    /// Payload `number`, of `len` bytes.
    pub(crate) fn payload(&self, number: usize, len: usize) -> &[u8] {
        let start = (number * STEP_BYTES) % STARTS;
        &self.bytes[start..start + len]
    }

    /// As many payloads of `len` bytes as make up `total_bytes`, at least one.
    pub(crate) fn payloads(&self, total_bytes: u64, len: usize) -> Payloads<'_> {
        let count = usize::try_from(total_bytes / len as u64).unwrap_or(usize::MAX);
        Payloads {
            content: self,
            len,
            next: 0,
            count: count.max(1),
        }
    }
}

/// The payloads of a stream, in order.
#[derive(Clone, Debug)]
pub(crate) struct Payloads<'a> {
    content: &'a Content,
    len: usize,
    next: usize,
    count: usize,
}

impl Payloads<'_> {
    /// How many bytes each has.
    pub(crate) fn payload_bytes(&self) -> usize {
        self.len
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        (self.next < self.count).then(|| {
            let payload = self.content.payload(self.next, self.len);
            self.next += 1;
            payload
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Payloads<'_> {}
