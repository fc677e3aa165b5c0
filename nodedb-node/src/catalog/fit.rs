//! Whether a catalog and a log belong together. Pure: it decides and does nothing.

use nodedb_wal::types::{LogId, Lsn};

/// What a catalog says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CatalogFacts {
    /// The log it was made of; nothing when it is new.
    pub(super) log: Option<LogId>,
    /// The last record it holds what was said up to.
    pub(super) applied: Lsn,
}

/// What a log says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogFacts {
    pub(super) id: LogId,
    /// The oldest record it holds; one past `last` when it holds none.
    pub(super) start: Lsn,
    /// The last durable record.
    pub(super) last: Lsn,
}

/// What the two come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The catalog is this log's, and the log holds everything the catalog does not.
    Fits,
    /// The catalog is new and the log has its beginning: the catalog can be made from it.
    Fresh,
    /// The catalog is new, and records it would need are gone from the log.
    Missing,
    /// The catalog is another log's.
    Foreign(LogId),
    /// Records between what the catalog holds and what the log holds are gone.
    Behind,
    /// The catalog holds what records said that the log does not have.
    Ahead,
}

/// Whether they belong together.
pub(super) fn fit(catalog: CatalogFacts, log: LogFacts) -> Fit {
    match catalog.log {
        None if log.start == Lsn::FIRST => Fit::Fresh,
        None => Fit::Missing,
        Some(id) if id != log.id => Fit::Foreign(id),
        Some(_) if catalog.applied.next() < log.start => Fit::Behind,
        Some(_) if catalog.applied > log.last => Fit::Ahead,
        Some(_) => Fit::Fits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_two_files_can_be_put_together() {
        let (own, other) = (LogId::new(1), LogId::new(2));
        // The catalog's log and last record, the log's first and last record.
        let cases = [
            (None, 0, 1, 0, Fit::Fresh),
            (None, 0, 1, 9, Fit::Fresh),
            (None, 0, 2, 9, Fit::Missing),
            (None, 0, 10, 9, Fit::Missing),
            (Some(other), 5, 1, 9, Fit::Foreign(other)),
            (Some(own), 0, 1, 0, Fit::Fits),
            (Some(own), 5, 1, 9, Fit::Fits),
            (Some(own), 5, 6, 9, Fit::Fits),
            (Some(own), 5, 7, 9, Fit::Behind),
            (Some(own), 9, 10, 9, Fit::Fits),
            (Some(own), 9, 1, 9, Fit::Fits),
            (Some(own), 10, 1, 9, Fit::Ahead),
        ];
        for (log, applied, start, last, expected) in cases {
            let catalog = CatalogFacts {
                log,
                applied: Lsn::new(applied),
            };
            let log = LogFacts {
                id: own,
                start: Lsn::new(start),
                last: Lsn::new(last),
            };
            assert_eq!(fit(catalog, log), expected, "{catalog:?} {log:?}");
        }
    }
}
