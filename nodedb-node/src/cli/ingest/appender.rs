//! Appends records and commits them batch by batch, with surrogates for their keys or as Calvin
//! transactions where that is asked for.

use std::path::Path;

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{CollectionTag, Epoch, LsnRange, Record, RecordKind, Scope};

use crate::cli::error::CliError;
use crate::surrogate::Collection;
use crate::{Node, NodeConfig, WalManager};

/// Payload bytes after which a batch is committed, however few records it has.
const BATCH_BYTES: u64 = 8 << 20;

/// What is appended to: a log or, for what needs a catalog, a node.
pub(super) enum Opened {
    Log(Box<WalManager>),
    Node(Box<Node>),
}

impl Opened {
    pub(super) fn open(directory: &Path, needs_node: bool) -> Result<Self, CliError> {
        let config = NodeConfig::new(directory);
        Ok(if needs_node {
            Self::Node(Box::new(Node::open(config)?))
        } else {
            Self::Log(Box::new(WalManager::open(config)?))
        })
    }

    fn wal(&self) -> &WalManager {
        match self {
            Self::Log(wal) => wal,
            Self::Node(node) => node.wal(),
        }
    }

    fn node(&self) -> Option<&Node> {
        match self {
            Self::Log(_) => None,
            Self::Node(node) => Some(node),
        }
    }

    pub(super) fn close(self) -> Result<(), CliError> {
        match self {
            Self::Log(wal) => Ok(wal.close()?),
            Self::Node(node) => Ok(node.close()?),
        }
    }
}

/// What records get besides being appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'a> {
    pub(super) collection: &'a str,
    /// Whether their keys get surrogates.
    pub(super) surrogates: bool,
    /// The epoch whose transactions the batches are.
    pub(super) calvin: Option<Epoch>,
}

/// Appends records and commits them batch by batch.
pub(super) struct Appender<'a> {
    opened: &'a Opened,
    scope: Scope,
    marks: Marks<'a>,
    batch_records: u64,
    buffer: Vec<u8>,
    /// The batch's keys that get surrogates.
    keys: Vec<Vec<u8>>,
    /// The batch's records, where they are appended together.
    held: Vec<Held>,
    position: u32,
    pub(super) lsns: Option<LsnRange>,
    pub(super) payload_bytes: u64,
    pub(super) commits: u64,
    /// Keys that were given to the assigner.
    pub(super) surrogates: u64,
    pending_records: u64,
    pending_bytes: u64,
}

/// A record that waits for its transaction.
struct Held {
    kind: RecordKind,
    tag: CollectionTag,
    payload: Vec<u8>,
}

impl<'a> Appender<'a> {
    pub(super) fn new(
        opened: &'a Opened,
        scope: Scope,
        marks: Marks<'a>,
        batch_records: u64,
    ) -> Self {
        Self {
            opened,
            scope,
            marks,
            batch_records,
            buffer: Vec::new(),
            keys: Vec::new(),
            held: Vec::new(),
            position: 0,
            lsns: None,
            payload_bytes: 0,
            commits: 0,
            surrogates: 0,
            pending_records: 0,
            pending_bytes: 0,
        }
    }

    pub(super) fn wal(&self) -> &WalManager {
        self.opened.wal()
    }

    /// Appends a record; how many bytes its payload takes.
    pub(super) fn append(&mut self, payload: &AnyPayload) -> Result<u64, CliError> {
        self.buffer.clear();
        payload
            .encode(&mut self.buffer)
            .map_err(crate::Error::from)?;
        let tag = payload
            .collection()
            .map_or(CollectionTag::NONE, CollectionTag::of);
        if self.marks.calvin.is_some() {
            self.held.push(Held {
                kind: payload.kind(),
                tag,
                payload: self.buffer.clone(),
            });
        } else {
            let record = Record::typed(payload.kind(), self.scope, tag, &self.buffer);
            let lsn = self.wal().append_record(&record)?;
            self.appended(LsnRange {
                first: lsn,
                last: lsn,
            });
        }
        if self.marks.surrogates {
            self.keys.extend(key_of(payload).map(<[u8]>::to_vec));
        }
        let bytes = self.buffer.len() as u64;
        self.payload_bytes += bytes;
        self.pending_records += 1;
        self.pending_bytes += bytes;
        if self.pending_records >= self.batch_records || self.pending_bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(bytes)
    }

    /// Commits what is left and, when the input was read to its end, seals the epoch.
    pub(super) fn finish(&mut self, is_whole: bool) -> Result<(), CliError> {
        self.commit()?;
        if let (true, Some(node), Some(epoch)) = (is_whole, self.opened.node(), self.marks.calvin) {
            node.calvin().seal(self.scope.vshard, epoch)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CliError> {
        if self.pending_records == 0 {
            return Ok(());
        }
        if let Some(node) = self.opened.node() {
            self.assign(node)?;
            self.apply(node)?;
        }
        if let Some(lsns) = self.lsns {
            self.wal().commit(lsns.last)?;
        }
        self.commits += 1;
        self.pending_records = 0;
        self.pending_bytes = 0;
        Ok(())
    }

    fn assign(&mut self, node: &Node) -> Result<(), CliError> {
        let (tenant, database) = (self.scope.tenant, self.scope.database);
        let collection = Collection::new(tenant, database, self.marks.collection);
        let keys = self.keys.iter().map(Vec::as_slice);
        let assigned = node.surrogates().assign_many(collection, keys)?;
        self.surrogates += assigned.len() as u64;
        self.keys.clear();
        Ok(())
    }

    fn apply(&mut self, node: &Node) -> Result<(), CliError> {
        let Some(epoch) = self.marks.calvin else {
            return Ok(());
        };
        let (scope, held) = (self.scope, std::mem::take(&mut self.held));
        let commit = node
            .calvin()
            .apply(scope.vshard, epoch, self.position, |transaction| {
                for record in &held {
                    transaction.push_record(&Record::typed(
                        record.kind,
                        scope,
                        record.tag,
                        &record.payload,
                    ));
                }
                Ok(())
            })?;
        self.position += 1;
        self.appended(commit.lsns);
        Ok(())
    }

    fn appended(&mut self, lsns: LsnRange) {
        let first = self.lsns.map_or(lsns.first, |all| all.first);
        self.lsns = Some(LsnRange {
            first,
            last: lsns.last,
        });
    }

    /// The error, with what was appended before it.
    pub(super) fn stopped(&self, error: CliError) -> CliError {
        match (error, self.lsns) {
            (CliError::Format(source), Some(appended)) => {
                CliError::StoppedIngest { appended, source }
            }
            (error, _) => error,
        }
    }
}

/// The primary key of a row or vector.
fn key_of(payload: &AnyPayload) -> Option<&[u8]> {
    match payload {
        AnyPayload::Put(put) => Some(&put.key),
        AnyPayload::VectorPut(put) => Some(&put.id),
        _ => None,
    }
}
