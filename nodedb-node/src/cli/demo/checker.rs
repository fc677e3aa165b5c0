//! Holds the log against what the writers said: nothing acknowledged is missing or changed, and
//! nothing is there that no writer meant to append, in the order it meant to.
//!
//! Each thread's records must be the first ones it meant to append, without a gap. So the next
//! record of the log is the next one of some thread, and is compared with those byte by byte.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::PayloadError;
use nodedb_wal::types::{Lsn, Timestamp};

use super::ledger::{Ledger, ThreadLedger};
use super::wire::Content;
use super::workload::{Operation, OperationId};

/// Problems that are told in words; the rest are only counted.
const PROBLEMS_MAX: usize = 20;

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Records of the log that the demo wrote.
    pub(super) records: u64,
    /// Acknowledged records that are there as they were.
    pub(super) recovered: u64,
    /// Acknowledged records that are missing or changed.
    pub(super) lost: u64,
    /// Records that nobody meant to append, or not there: twice, out of order, half a batch.
    pub(super) invented: u64,
    /// The first problems, in words.
    pub(super) problems: Vec<String>,
}

impl Findings {
    pub(super) fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// Takes the log record by record.
pub(super) struct Checker<'l> {
    ledger: &'l Ledger,
    seed: u64,
    /// The round whose records come now.
    round: usize,
    threads: Vec<Cursor>,
    /// The thread whose batch is not complete.
    in_batch: Option<usize>,
    last: Lsn,
    last_timestamp: Timestamp,
    findings: Findings,
}

/// Which record of a thread comes next.
struct Cursor {
    id: OperationId,
    index: usize,
    /// What the operation is; nothing when the thread did not mean to go on.
    operation: Option<Operation>,
}

impl<'l> Checker<'l> {
    pub(super) fn new(ledger: &'l Ledger, seed: u64) -> Result<Self, PayloadError> {
        let mut checker = Self {
            ledger,
            seed,
            round: 0,
            threads: Vec::new(),
            in_batch: None,
            last: ledger.base(),
            last_timestamp: Timestamp::MIN,
            findings: Findings::default(),
        };
        checker.enter_round(0)?;
        Ok(checker)
    }

    /// Takes the next record of the log that was not there before the demo.
    pub(super) fn take(
        &mut self,
        header: &RecordHeader,
        payload: &[u8],
    ) -> Result<(), PayloadError> {
        self.findings.records += 1;
        self.check_place(header);
        let content = Content::of(header, payload);
        match self.ledger.digest(header.lsn) {
            Some(digest) if digest == content.digest() => self.findings.recovered += 1,
            Some(_) => {
                let (lsn, kind) = (header.lsn, header.kind);
                self.findings.problem(format!(
                    "record {lsn} ({kind}) is not what was acknowledged"
                ));
            }
            None => {}
        }
        if !self.find(&content)? {
            self.findings.invented += 1;
            let (lsn, kind) = (header.lsn, header.kind);
            self.findings.problem(format!(
                "record {lsn} ({kind}) is none that was to come next"
            ));
        }
        Ok(())
    }

    /// LSNs follow each other, and time does not go back.
    fn check_place(&mut self, header: &RecordHeader) {
        if header.lsn != self.last.next() {
            self.findings.invented += 1;
            let (last, lsn) = (self.last, header.lsn);
            self.findings
                .problem(format!("record {lsn} comes after record {last}"));
        }
        if header.timestamp < self.last_timestamp {
            self.findings.invented += 1;
            self.findings.problem(format!(
                "record {} is older than the one before it",
                header.lsn
            ));
        }
        self.last = header.lsn;
        self.last_timestamp = header.timestamp;
    }

    /// Finds the thread whose next record this is, in this round or a later one.
    fn find(&mut self, content: &Content<'_>) -> Result<bool, PayloadError> {
        if self.find_in_round(content)? {
            return Ok(true);
        }
        if self.in_batch.is_some() {
            self.findings
                .problem("a batch is not followed by the rest of it".to_owned());
            return Ok(false);
        }
        let (round, here) = (self.round, std::mem::take(&mut self.threads));
        while self.round + 1 < self.ledger.rounds().len() {
            self.enter_round(self.round + 1)?;
            if self.find_in_round(content)? {
                return Ok(true);
            }
        }
        self.round = round;
        self.threads = here;
        self.resume(content)
    }

    fn find_in_round(&mut self, content: &Content<'_>) -> Result<bool, PayloadError> {
        let range = self.in_batch.map_or(0..self.threads.len(), |at| at..at + 1);
        for at in range {
            if self.threads[at].expects(content) {
                let ledger = &self.ledger.rounds()[self.round][at];
                self.threads[at].advance(ledger)?;
                self.in_batch = content.batch_continues.then_some(at);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// After a record that should not be there, or one that is missing: looks a little ahead in each
    /// thread, so that one mistake is not taken for many. The record stays a problem.
    fn resume(&mut self, content: &Content<'_>) -> Result<bool, PayloadError> {
        const AHEAD: u64 = 16;
        for at in 0..self.threads.len() {
            let thread = &self.ledger.rounds()[self.round][at];
            let mut ahead = Cursor::at(self.threads[at].id, thread)?;
            for _ in 0..AHEAD {
                if ahead.expects(content) {
                    ahead.advance(thread)?;
                    self.threads[at] = ahead;
                    self.in_batch = content.batch_continues.then_some(at);
                    return Ok(false);
                }
                ahead = Cursor::at(ahead.id.next(), thread)?;
            }
        }
        Ok(false)
    }

    fn enter_round(&mut self, round: usize) -> Result<(), PayloadError> {
        self.round = round;
        self.threads.clear();
        self.in_batch = None;
        let threads = self
            .ledger
            .rounds()
            .get(round)
            .map_or(&[][..], Vec::as_slice);
        for (thread, ledger) in (0..).zip(threads) {
            let id = OperationId {
                seed: self.seed,
                round: u32::try_from(round).unwrap_or(u32::MAX),
                thread,
                sequence: 0,
            };
            self.threads.push(Cursor::at(id, ledger)?);
        }
        Ok(())
    }

    /// The log has ended.
    pub(super) fn finish(mut self) -> Findings {
        if self.in_batch.is_some() {
            self.findings.invented += 1;
            self.findings
                .problem("the log ends within a batch".to_owned());
        }
        self.findings.lost = self.ledger.acknowledged() - self.findings.recovered;
        if let Some(missing) = self.ledger.first_after(self.last) {
            let last = self.last;
            self.findings.problem(format!(
                "record {missing} was acknowledged, but the log ends with record {last}"
            ));
        }
        for nonsense in &self.ledger.nonsense {
            self.findings.invented += 1;
            self.findings.problem(nonsense.clone());
        }
        self.findings
    }
}

impl Cursor {
    /// In front of the operation.
    fn at(id: OperationId, thread: &ThreadLedger) -> Result<Self, PayloadError> {
        let operation = if id.sequence < thread.intended {
            Some(id.operation(thread.purge_lsn(id.sequence))?)
        } else {
            None
        };
        Ok(Self {
            id,
            index: 0,
            operation,
        })
    }

    fn expects(&self, content: &Content<'_>) -> bool {
        let mut contents = self.operation.iter().flat_map(Operation::contents);
        contents.nth(self.index).as_ref() == Some(content)
    }

    fn advance(&mut self, thread: &ThreadLedger) -> Result<(), PayloadError> {
        self.index += 1;
        let records = self.operation.as_ref().map_or(0, |o| o.records.len());
        if self.index >= records {
            *self = Self::at(self.id.next(), thread)?;
        }
        Ok(())
    }
}
