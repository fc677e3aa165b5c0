//! Records of some kinds.

use nodedb_wal::ReadOptions;
use nodedb_wal::types::{KindCode, RecordKind};

/// Lets records of some kinds pass. The default lets every record pass.
///
/// A transaction is a record of its own and a parcel of operations: where transactions are named,
/// each passes whole; where only kinds of operations are, those operations pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindFilter {
    /// The kinds.
    pub kinds: Option<Vec<RecordKind>>,
}

impl KindFilter {
    /// Whether a record of this kind passes.
    #[must_use]
    pub fn admits(&self, kind: KindCode) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|kinds| kinds.iter().any(|wanted| wanted.code() == kind))
    }

    /// Whether a transaction's operation of this kind passes.
    #[must_use]
    pub fn admits_operation(&self, kind: KindCode) -> bool {
        self.admits(kind) || self.admits(RecordKind::Transaction.code())
    }

    /// Whether some operation of some transaction can pass.
    #[must_use]
    pub fn looks_into_transactions(&self) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|kinds| kinds.iter().any(|kind| !kind.is_control()))
    }

    /// Has the reader pass over what does not pass, segment by segment where it can.
    #[must_use]
    pub fn push_down(&self, options: ReadOptions) -> ReadOptions {
        let Some(kinds) = &self.kinds else {
            return options;
        };
        let mut read = kinds.clone();
        if self.looks_into_transactions() && !read.contains(&RecordKind::Transaction) {
            read.push(RecordKind::Transaction);
        }
        options.kinds(&read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_pass_by_their_own_kind_or_with_their_transaction() {
        use RecordKind::{CollectionTombstoned, Delete, Put, Transaction};
        let cases = [
            (None, [true, true, true]),
            (Some(vec![Put]), [true, false, true]),
            (Some(vec![Transaction]), [true, true, true]),
            (Some(vec![CollectionTombstoned]), [false, false, false]),
        ];
        for (kinds, expected) in cases {
            let filter = KindFilter { kinds };
            let found = [
                filter.admits_operation(Put.code()),
                filter.admits_operation(Delete.code()),
                filter.looks_into_transactions(),
            ];
            assert_eq!(found, expected, "{filter:?}");
        }
        let puts = KindFilter {
            kinds: Some(vec![Put]),
        };
        assert!(puts.admits(Put.code()) && !puts.admits(Transaction.code()));
    }
}
