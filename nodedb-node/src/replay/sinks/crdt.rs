//! Updates of CRDT documents, in the order they came.

use std::collections::BTreeMap;

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::Lsn;

use super::CollectionName;
use super::collections::{Collections, Droppable, stray, typed};
use crate::replay::{ReplayRecord, ReplaySink, SinkError};

/// An update of a document, and the record that brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentUpdate {
    /// The record.
    pub lsn: Lsn,
    /// The peer that made the update.
    pub peer: u64,
    /// The update, in the CRDT engine's own form.
    pub delta: Vec<u8>,
}

/// Updates by document, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrdtSink {
    documents: Collections<Documents>,
}

type Documents = BTreeMap<String, Vec<DocumentUpdate>>;

impl CrdtSink {
    /// The updates of a document in the order they came.
    #[must_use]
    pub fn updates(&self, collection: &CollectionName, document: &str) -> &[DocumentUpdate] {
        let documents = self.documents.find(collection);
        let updates = documents.and_then(|documents| documents.get(document));
        updates.map_or(&[], Vec::as_slice)
    }

    /// Takes in the updates of a sink that was given other vshards of the same replay. Those of one
    /// document are put in the order of the log.
    pub fn absorb(&mut self, other: Self) {
        self.documents.absorb(other.documents, |one, other| {
            for (document, updates) in other {
                let all = one.entry(document).or_default();
                all.extend(updates);
                all.sort_by_key(|update| update.lsn);
            }
        });
    }
}

impl Droppable for Documents {
    fn drop_before(&mut self, lsn: Lsn) {
        self.retain(|_, updates| {
            updates.retain(|update| update.lsn >= lsn);
            !updates.is_empty()
        });
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl ReplaySink for CrdtSink {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        match typed(record)? {
            AnyPayload::CrdtDelta(delta) => {
                let update = DocumentUpdate {
                    lsn: record.lsn(),
                    peer: delta.peer,
                    delta: delta.delta,
                };
                let name = CollectionName::of(record, delta.collection);
                let documents = self.documents.entry(name);
                documents.entry(delta.document).or_default().push(update);
            }
            AnyPayload::CollectionTombstoned(dropped) => {
                self.documents.drop_collection(record, dropped);
            }
            payload if payload.kind().is_control() => {}
            payload => return Err(stray(&payload)),
        }
        Ok(())
    }
}
