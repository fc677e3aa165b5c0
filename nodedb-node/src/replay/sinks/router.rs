//! Gives each record to the sink of its engine family.

use nodedb_wal::types::{KindCode, Lsn, RecordKind};

use crate::replay::{EngineFamily, ReplayRecord, ReplaySink, ReplayTransaction, SinkError};

/// A record that no sink takes. To pass over it would be to hand out a state that lacks it: leave
/// its engine out of the plan, or give it a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no sink takes {kind}")]
pub struct Unrouted {
    /// The record's kind.
    pub kind: KindCode,
}

/// Gives each record to the sink of its engine family, and control records to all of them. No-ops
/// go nowhere, kinds of the embedding database to a sink of their own.
///
/// Of a transaction each family's sink gets its own operations, as one transaction.
#[derive(Default)]
pub struct Router<'s> {
    families: [Option<&'s mut dyn ReplaySink>; EngineFamily::ALL.len()],
    custom: Option<&'s mut dyn ReplaySink>,
}

impl<'s> Router<'s> {
    /// A router to no sink; see [`Self::with`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same router with a sink for a family's records.
    #[must_use]
    pub fn with(mut self, family: EngineFamily, sink: &'s mut dyn ReplaySink) -> Self {
        self.families[family as usize] = Some(sink);
        self
    }

    /// The same router with a sink for kinds of the embedding database.
    #[must_use]
    pub fn with_custom(mut self, sink: &'s mut dyn ReplaySink) -> Self {
        self.custom = Some(sink);
        self
    }

    fn sinks(&mut self) -> impl Iterator<Item = &mut (dyn ReplaySink + 's)> {
        let custom = self.custom.iter_mut();
        let all = self.families.iter_mut().flatten().chain(custom);
        all.map(|sink| &mut **sink)
    }
}

/// Where records of a kind go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Family(EngineFamily),
    Custom,
    Everybody,
    Nobody,
}

fn way(kind: KindCode) -> Result<Way, Unrouted> {
    match kind.known() {
        Some(RecordKind::Noop) => Ok(Way::Nobody),
        Some(RecordKind::Custom(_)) => Ok(Way::Custom),
        Some(known) if known.is_control() => Ok(Way::Everybody),
        Some(known) => EngineFamily::of(known)
            .map(Way::Family)
            .ok_or(Unrouted { kind }),
        None => Err(Unrouted { kind }),
    }
}

impl ReplaySink for Router<'_> {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        let kind = record.header().kind;
        let sink = match way(kind)? {
            Way::Family(family) => self.families[family as usize].as_deref_mut(),
            Way::Custom => self.custom.as_deref_mut(),
            Way::Everybody => return self.sinks().try_for_each(|sink| sink.apply(record)),
            Way::Nobody => return Ok(()),
        };
        sink.ok_or(Unrouted { kind })?.apply(record)
    }

    fn apply_transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<(), SinkError> {
        // Whether all of it can be taken is found out before any of it is.
        let mut ways = Vec::with_capacity(transaction.operations().len());
        for operation in transaction.operations() {
            let kind = operation.header().kind;
            let way = way(kind)?;
            let is_missing = match way {
                Way::Family(family) => self.families[family as usize].is_none(),
                Way::Custom => self.custom.is_none(),
                Way::Everybody | Way::Nobody => false,
            };
            if is_missing {
                return Err(Unrouted { kind }.into());
            }
            ways.push(way);
        }
        let part = |wanted: Way| -> Vec<ReplayRecord<'_>> {
            let operations = transaction.operations().iter().zip(&ways);
            let wanted = operations.filter(|(_, way)| **way == wanted);
            wanted.map(|(operation, _)| *operation).collect()
        };
        let families = EngineFamily::ALL.into_iter().zip(&mut self.families);
        let families = families.map(|(family, sink)| (Way::Family(family), sink));
        for (way, sink) in families.chain([(Way::Custom, &mut self.custom)]) {
            let operations = part(way);
            if let Some(sink) = sink
                && !operations.is_empty()
            {
                let header = transaction.header();
                sink.apply_transaction(&ReplayTransaction::new(header, &operations))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, through: Lsn) -> Result<(), SinkError> {
        self.sinks().try_for_each(|sink| sink.finish(through))
    }
}

impl std::fmt::Debug for Router<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let families = EngineFamily::ALL.into_iter().zip(&self.families);
        let families: Vec<_> = families
            .filter_map(|(family, sink)| sink.as_ref().map(|_| family))
            .collect();
        f.debug_struct("Router")
            .field("families", &families)
            .field("custom", &self.custom.is_some())
            .finish()
    }
}
