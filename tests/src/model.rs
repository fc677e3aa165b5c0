//! What a log promises, kept beside the log: for each record whether it must be there, may be there
//! or must not be there, and what it says. It knows nothing of files.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use nodedb_wal::{
    CollectionTag, Epoch, Error, Log, Lsn, LsnRange, ReadOptions, Record, RecordKind, RecordView,
    Records, Scope, Timestamp, Verdict,
};

/// A promise that was broken, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Violation {
    /// `what` failed with `error`, told with everything behind it.
    #[must_use]
    pub fn of_error(what: &str, error: &Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Self(text)
    }
}

/// Fails with what `says` says, unless `holds`.
///
/// # Errors
///
/// The violation.
pub fn ensure(holds: bool, says: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds {
        Ok(())
    } else {
        Err(Violation(says()))
    }
}

/// What a caller gives to a log to be a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What it says.
    pub kind: RecordKind,
    /// Whose it is.
    pub scope: Scope,
    /// Of which collection.
    pub collection: CollectionTag,
    /// In which epoch.
    pub epoch: Epoch,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Whether the bytes are the caller's own.
    pub opaque: bool,
}

impl Content {
    /// A row of `payload`, in no collection and no epoch.
    #[must_use]
    pub fn put(payload: &[u8]) -> Self {
        Self {
            kind: RecordKind::Put,
            scope: Scope::default(),
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            payload: payload.to_vec(),
            opaque: true,
        }
    }

    /// The record as the log takes it.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        Record {
            kind: self.kind,
            scope: self.scope,
            collection: self.collection,
            epoch: self.epoch,
            payload: &self.payload,
            opaque: self.opaque,
        }
    }

    /// Whether `found` says exactly this.
    #[must_use]
    pub fn is(&self, found: &RecordView<'_>) -> bool {
        found.header.kind == self.kind.code()
            && found.header.scope == self.scope
            && found.header.collection == self.collection
            && found.header.epoch == self.epoch
            && found.header.is_opaque() == self.opaque
            && found.payload == self.payload
    }
}

/// A record that was appended.
#[derive(Clone, Debug)]
struct Appended {
    content: Arc<Content>,
    /// Whether its batch goes on with the next record.
    continues: bool,
}

/// What a log has been told and has answered.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Every record there may be; the first has LSN 1.
    records: Vec<Appended>,
    /// Records up to here must be there.
    acknowledged: u64,
    /// The log said that it starts here: it may not start earlier again.
    start_min: u64,
    /// Nobody allowed the log to drop a record from here on.
    start_max: u64,
}

impl Model {
    /// A log without records.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start_min: 1,
            start_max: 1,
            ..Self::default()
        }
    }

    /// The last record that may be there; 0 is none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.records.len() as u64
    }

    /// The last record that must be there; 0 is none.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// What record `lsn` says.
    #[must_use]
    pub fn content(&self, lsn: u64) -> Option<&Content> {
        let at = usize::try_from(lsn.checked_sub(1)?).ok()?;
        self.records.get(at).map(|record| &*record.content)
    }

    /// Whether record `lsn` is followed by another one of its batch.
    #[must_use]
    pub fn continues(&self, lsn: u64) -> bool {
        let at = usize::try_from(lsn.wrapping_sub(1)).unwrap_or(usize::MAX);
        self.records.get(at).is_some_and(|record| record.continues)
    }

    /// The log took `contents` as one batch and gave them `lsns`.
    ///
    /// # Errors
    ///
    /// These are not the next LSNs.
    pub fn appended(&mut self, contents: &[Arc<Content>], lsns: LsnRange) -> Result<(), Violation> {
        let first = self.last() + 1;
        let last = self.last() + contents.len() as u64;
        ensure(
            (lsns.first.value(), lsns.last.value()) == (first, last),
            || format!("records got LSNs {lsns} in place of {first}..={last}"),
        )?;
        let count = contents.len();
        self.records
            .extend(contents.iter().enumerate().map(|(at, content)| Appended {
                content: Arc::clone(content),
                continues: at + 1 < count,
            }));
        Ok(())
    }

    /// The log said that `lsn` and everything before it is durable.
    ///
    /// # Errors
    ///
    /// There is no such record.
    pub fn acknowledge(&mut self, lsn: Lsn) -> Result<(), Violation> {
        let last = self.last();
        ensure(lsn.value() <= last, || {
            format!("acknowledged {lsn}, the last is {last}")
        })?;
        self.acknowledged = self.acknowledged.max(lsn.value());
        Ok(())
    }

    /// The log is being told that records before `before` are not needed.
    pub fn may_truncate(&mut self, before: Lsn) {
        self.start_max = self.start_max.max(before.value());
    }

    /// The log said that it starts at `start` now.
    ///
    /// # Errors
    ///
    /// It dropped what nobody allowed, or went back.
    pub fn starts_at(&mut self, start: Lsn) -> Result<(), Violation> {
        let allowed: RangeInclusive<u64> = self.start_min..=self.start_max;
        ensure(allowed.contains(&start.value()), || {
            format!("the log starts at {start}, allowed is {allowed:?}")
        })?;
        self.start_min = start.value();
        Ok(())
    }

    /// The log was opened and ends with `last`, which is from now on all there is.
    ///
    /// # Errors
    ///
    /// An acknowledged record is lost, one was invented, or a batch is there in part.
    pub fn ends_at(&mut self, last: Lsn) -> Result<(), Violation> {
        let (found, allowed) = (last.value(), self.acknowledged..=self.last());
        ensure(allowed.contains(&found), || {
            format!("the log ends at {found}, allowed is {allowed:?} (acknowledged..=appended)")
        })?;
        ensure(!self.continues(found), || {
            format!("the log ends at {found}, inside a batch")
        })?;
        self.records.truncate(usize::try_from(found).unwrap_or(0));
        self.acknowledged = found;
        Ok(())
    }

    /// Compares what `records` delivers with records `first..=last`.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn matches(&self, records: &mut Records, first: u64, last: u64) -> Result<(), Violation> {
        self.matches_where(records, first, last, |_| true)
    }

    /// Compares what `records` delivers with those of the records `first..=last` that are `wanted`.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn matches_where(
        &self,
        records: &mut Records,
        first: u64,
        last: u64,
        wanted: impl Fn(&Content) -> bool,
    ) -> Result<(), Violation> {
        let mut expected = (first..=last).filter(|lsn| self.content(*lsn).is_some_and(&wanted));
        let mut time = Timestamp::MIN;
        loop {
            let found = records
                .next()
                .map_err(|error| Violation::of_error("reading", &error))?;
            let expected = expected.next();
            let Some(found) = found else {
                return ensure(expected.is_none(), || {
                    format!("reading ended before {expected:?}, the last is {last}")
                });
            };
            let lsn = found.lsn().value();
            ensure(Some(lsn) == expected, || {
                format!("read {lsn} in place of {expected:?}, the last is {last}")
            })?;
            self.is(&found)?;
            ensure(time <= found.header.timestamp, || {
                format!("the time goes back at {lsn}")
            })?;
            time = found.header.timestamp;
        }
    }

    /// Any record may be lost from now on, where the disk is not what it promised to be.
    pub fn forget_acknowledged(&mut self) {
        self.acknowledged = 0;
    }

    /// Whether `found` is what was appended under its LSN.
    ///
    /// # Errors
    ///
    /// What is different.
    pub fn is(&self, found: &RecordView<'_>) -> Result<(), Violation> {
        let lsn = found.lsn().value();
        let is_right = self.content(lsn).is_some_and(|content| content.is(found));
        ensure(is_right, || format!("{lsn} is not what was appended"))?;
        ensure(
            found.header.batch_continues() == self.continues(lsn),
            || format!("the batch of {lsn} is another one"),
        )
    }

    /// Checks a log that was just opened, and takes over what it says.
    ///
    /// # Errors
    ///
    /// A promise is broken.
    pub fn check_opened(&mut self, log: &Log) -> Result<(), Violation> {
        self.ends_at(log.next_lsn().previous())?;
        self.starts_at(log.start_lsn())?;
        let report = log.recovery();
        let last = self.last();
        ensure(report.last_lsn.value() == last, || {
            format!("recovery reports the end {}, not {last}", report.last_lsn)
        })?;
        let is_dropped = report.dropped.is_some();
        ensure(is_dropped == (report.verdict != Verdict::CleanEnd), || {
            format!(
                "{} and yet {:?} was dropped",
                report.verdict, report.dropped
            )
        })?;
        ensure(report.scars.is_empty(), || {
            format!("scars where nothing was damaged: {:?}", report.scars)
        })?;
        self.check_open(log)
    }

    /// Reads the whole log and compares.
    ///
    /// # Errors
    ///
    /// A promise is broken.
    pub fn check_open(&self, log: &Log) -> Result<(), Violation> {
        let mut records = log
            .read(ReadOptions::all())
            .map_err(|error| Violation::of_error("reading", &error))?;
        let durable = log.durable_lsn().value();
        self.matches(&mut records, log.start_lsn().value(), durable)
    }
}
