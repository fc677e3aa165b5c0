//! Payloads as one line of text for people: `Put orders key="4711" value=12 B`. Nothing reads it
//! back.

use std::fmt::{self, Display, Formatter};

use super::{AnyPayload, Transaction};
use crate::types::Lsn;

/// Bytes of a key, and operations of a transaction, that are shown.
const SHOWN_MAX: usize = 24;

impl Display for AnyPayload {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        if let Some(collection) = self.collection() {
            write!(f, " {}", Name(collection))?;
        }
        match self {
            Self::Noop(_) => Ok(()),
            Self::Put(p) => write!(f, " key={} value={}", Key(&p.key), Size(&p.value)),
            Self::Delete(p) => write!(f, " key={}", Key(&p.key)),
            Self::VectorPut(p) => write!(f, " id={} dimensions={}", Key(&p.id), p.vector.len()),
            Self::VectorDelete(p) => write!(f, " id={}", Key(&p.id)),
            Self::VectorParams(p) => write!(
                f,
                " dimensions={} metric={:?} m={} ef_construction={} ef_search={}",
                p.dimension, p.metric, p.m, p.ef_construction, p.ef_search
            ),
            Self::CrdtDelta(p) => write!(
                f,
                " document={} peer={} delta={}",
                Name(&p.document),
                p.peer,
                Size(&p.delta)
            ),
            Self::TimeseriesBatch(p) => {
                write!(f, " series={} samples={}", Name(&p.series), p.values.len())
            }
            Self::LogBatch(p) => write!(f, " lines={}", p.lines.len()),
            Self::ArrayPut(p) => write!(f, " array={} cells={}", Name(&p.array), p.cells.len()),
            Self::ArrayDelete(p) => {
                write!(f, " array={} cells={}", Name(&p.array), p.coordinates.len())
            }
            control => control.fmt_control(f),
        }
    }
}

impl AnyPayload {
    fn fmt_control(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArrayFlush(p) => write!(f, " array={} watermark={}", Name(&p.array), p.watermark),
            Self::Transaction(p) => p.fmt_operations(f),
            Self::SurrogateAlloc(p) => write!(f, " surrogates={}..={}", p.first, p.last()),
            Self::SurrogateBind(p) => {
                write!(f, " surrogate={} key={}", p.surrogate, Key(&p.primary_key))
            }
            Self::CommitOffsets(p) => {
                write!(
                    f,
                    " source={} partitions={}",
                    Name(&p.source),
                    p.offsets.len()
                )?;
                p.watermark.map_or(Ok(()), |time| {
                    write!(f, " watermark={} ns", time.as_nanos())
                })
            }
            Self::EpochBarrier(p) => write!(f, " epoch={} core={}", p.epoch, p.core),
            Self::WriteAborted(p) => write!(f, " lsn={} reason={}", p.lsn, Name(&p.reason)),
            Self::Checkpoint(p) => write!(f, " engine={} lsn={}", Name(&p.engine), p.lsn),
            Self::CollectionTombstoned(p) => write!(f, " purge_lsn={}", p.purge_lsn),
            Self::TimeAnchor(p) => write!(f, " wall_clock={} ns", p.wall_clock.as_nanos()),
            Self::TemporalPurge(p) => write!(
                f,
                " engine={} cutoff={} ns purged={}",
                Name(&p.engine),
                p.cutoff.as_nanos(),
                p.purged
            ),
            node => node.fmt_node(f),
        }
    }

    fn fmt_node(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(p) => {
                write!(f, " name={}", Name(&p.name))?;
                match p.needs {
                    None => f.write_str(" needs=unknown"),
                    Some(Lsn::MAX) => f.write_str(" needs=nothing"),
                    Some(lsn) => write!(f, " needs={lsn}"),
                }
            }
            Self::AuditSeal(p) => write!(f, " through={} entries={}", p.through, p.entries),
            Self::CalvinApplied(p) => write!(
                f,
                " epoch={} position={} vshard={} records={} digest={:016x}",
                p.epoch, p.position, p.vshard, p.records, p.digest
            ),
            Self::CalvinSeal(p) => write!(
                f,
                " epoch={} vshard={} transactions={} records={} digest={:016x}",
                p.epoch, p.vshard, p.transactions, p.records, p.digest
            ),
            consumer => consumer.fmt_consumer(f),
        }
    }

    fn fmt_consumer(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsumerAdded(p) => write!(
                f,
                " name={} partitions={} from={}",
                Name(&p.name),
                p.partitions,
                p.from
            ),
            Self::ConsumerDropped(p) => {
                write!(f, " name={} acknowledged={}", Name(&p.name), p.acknowledged)?;
                let over = p.over.as_ref();
                over.map_or(Ok(()), |over| write!(f, " over={}", Name(over)))
            }
            Self::ConsumerCursors(p) => write!(f, " cursors={}", p.cursors.len()),
            Self::Custom(_, bytes) => write!(f, " {}", Size(bytes)),
            _ => Ok(()),
        }
    }
}

impl Transaction {
    fn fmt_operations(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, " operations={}", self.operations.len())?;
        for operation in self.operations.iter().take(SHOWN_MAX) {
            write!(f, " {}", operation.kind)?;
            if let Some(collection) = &operation.collection {
                write!(f, "({})", Name(collection))?;
            }
        }
        let more = self.operations.len() > SHOWN_MAX;
        f.write_str(if more { " …" } else { "" })
    }
}

/// A name: bare where it cannot be mistaken, quoted and escaped elsewhere.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() || "_-.:/".contains(c);
        if !self.0.is_empty() && self.0.chars().all(plain) {
            return f.write_str(self.0);
        }
        write!(f, "{:?}", self.0)
    }
}

/// The front of a key: quoted where it is printable ASCII, in hex elsewhere.
struct Key<'a>(&'a [u8]);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN_MAX)];
        match std::str::from_utf8(shown) {
            Ok(text) if shown.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
                write!(f, "{text:?}")?;
            }
            _ => {
                f.write_str("0x")?;
                shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
        }
        let more = self.0.len() > SHOWN_MAX;
        f.write_str(if more { "…" } else { "" })
    }
}

/// How many bytes there are.
struct Size<'a>(&'a [u8]);

impl Display for Size<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} B", self.0.len())
    }
}
