//! The families of engines, and whose records are of which kind.

use std::fmt;

use nodedb_wal::types::RecordKind;

/// A family of engines: those whose state is made of the same kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineFamily {
    /// Rows by key.
    KeyValue,
    /// Vectors by id, and the parameters of their index.
    Vector,
    /// Samples of time series, and log lines.
    Timeseries,
    /// Updates of CRDT documents.
    Crdt,
    /// Cells of bitemporal arrays.
    Array,
}

impl EngineFamily {
    /// Every family.
    pub const ALL: [Self; 5] = [
        Self::KeyValue,
        Self::Vector,
        Self::Timeseries,
        Self::Crdt,
        Self::Array,
    ];

    /// The family whose records are of this kind; nothing for control records, for transactions,
    /// whose operations each have their own, for no-ops, and for kinds of the embedding database.
    #[must_use]
    pub const fn of(kind: RecordKind) -> Option<Self> {
        use RecordKind as Kind;
        match kind {
            Kind::Put | Kind::Delete => Some(Self::KeyValue),
            Kind::VectorPut | Kind::VectorDelete | Kind::VectorParams => Some(Self::Vector),
            Kind::TimeseriesBatch | Kind::LogBatch => Some(Self::Timeseries),
            Kind::CrdtDelta => Some(Self::Crdt),
            Kind::ArrayPut | Kind::ArrayDelete => Some(Self::Array),
            _ => None,
        }
    }

    /// What checkpoints of the family are called in
    /// [`Checkpoint::engine`](nodedb_wal::payload::Checkpoint::engine).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyValue => "kv",
            Self::Vector => "vector",
            Self::Timeseries => "timeseries",
            Self::Crdt => "crdt",
            Self::Array => "array",
        }
    }

    /// The family of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
}

impl fmt::Display for EngineFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind added to the log must be given to an engine, or be named here.
    #[test]
    fn every_kind_of_data_has_a_family() {
        for &kind in RecordKind::ALL {
            let has_none =
                kind.is_control() || [RecordKind::Noop, RecordKind::Transaction].contains(&kind);
            assert_eq!(EngineFamily::of(kind).is_none(), has_none, "{kind}");
        }
    }

    #[test]
    fn families_are_found_again_by_their_names() {
        for family in EngineFamily::ALL {
            assert_eq!(EngineFamily::from_name(family.name()), Some(family));
        }
        assert_eq!(EngineFamily::from_name("columnar"), None);
    }
}
