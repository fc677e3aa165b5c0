//! What the writer tells its parent, a line each. A line that was cut off by the kill is no line.

use std::hash::{DefaultHasher, Hash, Hasher};

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{CollectionTag, Epoch, KindCode, Lsn, Scope};

use super::services::Served;

/// One thing the writer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The log is open and the threads start.
    Ready,
    /// A thread is about to append its next operation; its tombstones, if it has any, purge what is
    /// before `purge_lsn`.
    Intent {
        thread: u32,
        sequence: u64,
        purge_lsn: Lsn,
    },
    /// A record was durable when this was said.
    Acknowledged { lsn: Lsn, digest: u64 },
    /// A commit returned, after the records it acknowledged were told.
    Committed,
    /// A service of the node did something, which is durable.
    Served(Served),
}

impl Message {
    /// The line, newline included.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Ready => "R\n".to_owned(),
            Self::Intent {
                thread,
                sequence,
                purge_lsn,
            } => format!("I {thread} {sequence} {purge_lsn}\n"),
            Self::Acknowledged { lsn, digest } => format!("A {lsn} {digest:x}\n"),
            Self::Committed => "C\n".to_owned(),
            Self::Served(served) => format!("S {}\n", served.words()),
        }
    }

    /// The message of a line without its newline.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields.as_slice() {
            ["R"] => Some(Self::Ready),
            ["C"] => Some(Self::Committed),
            ["I", thread, sequence, purge_lsn] => Some(Self::Intent {
                thread: thread.parse().ok()?,
                sequence: sequence.parse().ok()?,
                purge_lsn: Lsn::new(purge_lsn.parse().ok()?),
            }),
            ["A", lsn, digest] => Some(Self::Acknowledged {
                lsn: Lsn::new(lsn.parse().ok()?),
                digest: u64::from_str_radix(digest, 16).ok()?,
            }),
            ["S", words @ ..] => Served::parse(words).map(Self::Served),
            _ => None,
        }
    }
}

/// What of a record must come back as it was. LSN and timestamp are the log's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content<'a> {
    pub(super) kind: KindCode,
    pub(super) scope: Scope,
    pub(super) collection: CollectionTag,
    pub(super) epoch: Epoch,
    pub(super) opaque: bool,
    pub(super) batch_continues: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> Content<'a> {
    /// What came back.
    pub(super) fn of(header: &RecordHeader, payload: &'a [u8]) -> Self {
        Self {
            kind: header.kind,
            scope: header.scope,
            collection: header.collection,
            epoch: header.epoch,
            opaque: header.is_opaque(),
            batch_continues: header.batch_continues(),
            payload,
        }
    }

    /// 64 bits of it, never 0. Both processes are the same program, so they compute the same.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_from_their_lines() {
        for message in [
            Message::Ready,
            Message::Committed,
            Message::Intent {
                thread: 3,
                sequence: 4,
                purge_lsn: Lsn::new(5),
            },
            Message::Acknowledged {
                lsn: Lsn::new(6),
                digest: 0xabc,
            },
            Message::Served(Served::Row(Lsn::new(7))),
            Message::Served(Served::Checkpoint(Lsn::new(7))),
            Message::Served(Served::Hold(Lsn::new(7))),
            Message::Served(Served::Tombstone(Lsn::new(7))),
            Message::Served(Served::Purge(Lsn::new(7))),
            Message::Served(Served::Surrogate(7, 8)),
            Message::Served(Served::Calvin(7, Lsn::new(8))),
        ] {
            let line = message.line();
            let text = line.strip_suffix('\n').unwrap();
            assert_eq!(Message::parse(text), Some(message));
        }
    }

    #[test]
    fn what_is_no_message_is_none() {
        for line in [
            "", "R 1", "I 3 4", "A 6", "A 6 xyz", "I 3 4 -5", "S", "S q 1", "S s 1", "Z",
        ] {
            assert_eq!(Message::parse(line), None, "{line}");
        }
    }
}
