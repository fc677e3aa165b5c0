//! One bit, or one sector, of a log with acknowledged records is not what was written. What must
//! come of it is computed from a scan of the undamaged log, and is exact: no record lost and
//! everything there; or damage told, with the place and the records; and a salvage brings the rest.
//!
//! `DAMAGE_STRIDE=1` tries every bit, where otherwise a part of them is tried.

use std::collections::BTreeSet;
use std::ops::Range;

use nodedb_tests::player::{Door, config};
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Error, Log, LsnRange, OpenCheck, ReadOptions, Reader, TailPolicy, VerifyReport};

use crate::subject::{Damage, Length, Subject, subject};

/// A damaged copy of a subject, and what has to come of it.
struct Case<'a> {
    subject: &'a Subject,
    disk: SimDisk,
    name: &'a str,
    /// The records of which bytes are not what was written.
    lost: BTreeSet<u64>,
    /// Where the damaged records and bytes are.
    places: Vec<Range<usize>>,
    is_last: bool,
    /// What the frontiers that are left say was durable.
    claimed: u64,
}

impl<'a> Case<'a> {
    fn new(subject: &'a Subject, at: usize, damage: Damage) -> Option<Self> {
        let (name, scan) = &subject.scans[at];
        let before = subject.disk.read_file(name).unwrap();
        let disk = subject.disk.fork();
        damage.happen(&disk, name);
        let after = disk.read_file(name).unwrap();
        let is_whole = |bytes: &Range<usize>| before[bytes.clone()] == after[bytes.clone()];
        let hit = scan.records().filter(|(_, bytes)| !is_whole(bytes));
        let (lost, mut places): (BTreeSet<_>, Vec<_>) = hit.unzip();
        let first = before.iter().zip(&after).position(|(a, b)| a != b)?;
        places.push(first..first + 512);
        Some(Self {
            subject,
            disk,
            name,
            lost,
            places,
            is_last: at + 1 == subject.scans.len(),
            claimed: scan.claimed(is_whole),
        })
    }

    /// Whether the records lost are of a tail that nothing vouches for.
    fn is_unwitnessed(&self) -> bool {
        self.is_last
            && !self.subject.is_closed
            && self.lost.first().is_some_and(|first| self.claimed < *first)
    }

    fn all(&self) -> BTreeSet<u64> {
        (1..=self.subject.model.last()).collect()
    }

    /// The records in front of the damage whose batches are whole.
    fn before_damage(&self) -> u64 {
        let first = self.lost.first().copied();
        let mut last = first.map_or(self.subject.model.last(), |first| first - 1);
        while self.subject.model.continues(last) {
            last -= 1;
        }
        last
    }

    fn open(&self, check: OpenCheck) -> nodedb_wal::Result<Log> {
        let disk = self.disk.fork();
        Log::open(config(&disk, Door::HONEST, self.subject.tail_policy).open_check(check))
    }

    /// What the segment as such is: the error names it, and a place in the damage.
    fn is_told_by(&self, error: &Error) -> bool {
        let (path, offset, lsns) = match error {
            Error::Damaged { path, offset, lsns } => (path, *offset, Some(*lsns)),
            Error::Scar { path, offset } | Error::FooterDamaged { path, offset } => {
                (path, *offset, None)
            }
            _ => return false,
        };
        path.ends_with(self.name) && self.holds(lsns, offset)
    }

    fn holds(&self, lsns: Option<LsnRange>, offset: u64) -> bool {
        let Some(lsns) = lsns else {
            return self.lost.is_empty();
        };
        // A batch goes as a whole: the range may start with its first record.
        let first = self.before_damage() + 1;
        let covers = |lsn: &u64| (first..=*lsn).contains(&lsns.first.value());
        let at = usize::try_from(offset).unwrap();
        let is_there = self.places.iter().any(|place| at < place.end);
        self.lost.first().is_some_and(covers) && is_there
    }

    fn check_open(&self) {
        let lost_here = !self.lost.is_empty() && !self.is_unwitnessed();
        let is_examined = self.is_last;
        match self.open(OpenCheck::LastSegment) {
            Ok(log) => {
                assert!(!(lost_here && is_examined), "opened over {:?}", self.lost);
                self.check_opened(&log, lost_here);
            }
            Err(error) => {
                assert!(is_examined && lost_here, "refused: {error:?}");
                assert!(self.is_told_by(&error), "{error:?}");
            }
        }
        match self.open(OpenCheck::Everything) {
            Ok(_) => assert!(!lost_here, "opened over {:?}", self.lost),
            Err(error) => assert!(self.is_told_by(&error), "{error:?}"),
        }
    }

    /// With only the last writes looked at: what is damaged among them refuses to open, and what is
    /// damaged in front of them is told by whoever reads it and by whoever seals the segment.
    fn check_open_quickly(&self) {
        let lost_here = !self.lost.is_empty() && !self.is_unwitnessed();
        let is_examined = self.is_last && !self.subject.is_closed;
        match self.open(OpenCheck::LastWrites) {
            Ok(log) => {
                self.check_opened(&log, lost_here);
                match log.finish_recovery() {
                    Ok(()) => assert!(!(lost_here && is_examined), "sealed over {:?}", self.lost),
                    Err(Error::Unsealed { source }) => {
                        assert!(lost_here && is_examined && self.is_told_by(&source));
                    }
                    Err(error) => panic!("{error:?}"),
                }
                self.check_opened(&log, lost_here);
            }
            Err(error) => {
                assert!(lost_here && is_examined, "refused: {error:?}");
                assert!(self.is_told_by(&error), "{error:?}");
            }
        }
    }

    fn check_opened(&self, log: &Log, lost_here: bool) {
        let last = self.before_damage();
        let mut records = log.read(ReadOptions::all()).unwrap();
        if !lost_here {
            assert_eq!(log.next_lsn().value(), last + 1);
            self.subject.model.matches(&mut records, 1, last).unwrap();
            return;
        }
        assert_eq!(log.next_lsn().value(), self.subject.model.last() + 1);
        let mut read = 0;
        let error = loop {
            match records.next() {
                Ok(Some(_)) => read += 1,
                Ok(None) => panic!("read over {:?}", self.lost),
                Err(error) => break error,
            }
        };
        assert_eq!(Some(&(read + 1)), self.lost.first());
        assert!(self.is_told_by(&error), "{error:?}");
    }

    fn check_verify(&self) {
        let reader = Reader::open_damaged_on(self.disk.storage()).unwrap();
        let report = reader.verify(&mut |_, _| {}).unwrap();
        let told: BTreeSet<u64> = lsns_of(&report).collect();
        if self.lost.is_empty() || self.is_unwitnessed() {
            assert!(told.is_empty(), "{report:?}");
        } else if self.is_last && !self.subject.is_closed {
            // Everything from the first loss to the last record that is vouched for is told.
            let vouched = self.lost.iter().filter(|lsn| **lsn <= self.claimed);
            assert!(vouched.clone().count() > 0 && vouched.clone().all(|lsn| told.contains(lsn)));
        } else {
            assert_eq!(told, self.lost, "{report:?}");
        }
        assert!(
            report
                .findings
                .iter()
                .all(|finding| finding.path.ends_with(self.name))
        );
    }

    fn check_salvage(&self) {
        let reader = Reader::open_damaged_on(self.disk.storage()).unwrap();
        let mut records = reader.read(ReadOptions::all().salvage()).unwrap();
        let mut read = BTreeSet::new();
        loop {
            match records.next() {
                Ok(Some(record)) => {
                    let content = self.subject.model.content(record.lsn().value());
                    assert!(content.is_some_and(|content| content.is(&record)));
                    read.insert(record.lsn().value());
                }
                Ok(None) => break,
                Err(error) => assert!(self.is_told_by(&error), "{error:?}"),
            }
        }
        if self.is_unwitnessed() {
            assert_eq!(read, (1..=self.before_damage()).collect());
        } else {
            assert_eq!(read, &self.all() - &self.lost);
        }
    }
}

fn lsns_of(report: &VerifyReport) -> impl Iterator<Item = u64> {
    let ranges = report.findings.iter().filter_map(|finding| finding.lsns);
    ranges.flat_map(|lsns| lsns.first.value()..=lsns.last.value())
}

fn check(subject: &Subject, at: usize, damage: Damage) -> bool {
    let Some(case) = Case::new(subject, at, damage) else {
        return false;
    };
    let is_vouched_for = subject.length == Length::Witnessed;
    assert!(!(is_vouched_for && case.is_unwitnessed()));
    let place = (damage, case.name, subject.tail_policy, subject.is_closed);
    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        case.check_open();
        case.check_open_quickly();
        case.check_verify();
        case.check_salvage();
    }));
    assert!(
        checked.is_ok(),
        "{place:?}, lost {:?}, claimed {}",
        case.lost,
        case.claimed
    );
    true
}

fn check_all(length: Length, damages: impl Fn(&Subject, usize) -> Vec<Damage>) {
    let mut cases = 0;
    for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
        for is_closed in [false, true] {
            let subject = subject(tail_policy, is_closed, length);
            let first = match length {
                Length::Short => 0,
                Length::Witnessed | Length::Long => 2,
            };
            for at in first..subject.scans.len() {
                for damage in damages(&subject, at) {
                    cases += usize::from(check(&subject, at, damage));
                }
            }
        }
    }
    println!("damages: {cases}");
    assert!(cases > 0);
}

fn check_sectors(length: Length) {
    check_all(length, |subject, at| {
        let (name, _) = &subject.scans[at];
        let sectors = subject.disk.read_file(name).unwrap().len() as u64 / 512;
        let stale = |sector| {
            let versions = subject.disk.stale_versions(name, sector).unwrap();
            (0..versions).map(move |version| Damage::Stale(sector, version))
        };
        let each = |sector| {
            let spoilt = [Damage::Zeros(sector), Damage::Garbage(sector)];
            spoilt.into_iter().chain(stale(sector))
        };
        (0..sectors).flat_map(each).collect()
    });
}

#[test]
fn a_damaged_sector_anywhere_is_survived_or_told_exactly() {
    check_sectors(Length::Short);
}

#[test]
fn a_damaged_sector_in_front_of_the_last_writes_is_told_by_reading_and_sealing() {
    check_sectors(Length::Long);
}

#[test]
fn a_damaged_sector_of_the_last_write_is_told_once_something_vouches_for_it() {
    check_sectors(Length::Witnessed);
}

fn check_bits(length: Length) {
    let stride = std::env::var("DAMAGE_STRIDE").ok();
    let stride = stride.and_then(|stride| stride.parse().ok()).unwrap_or(37);
    check_all(length, |subject, at| {
        let (name, scan) = &subject.scans[at];
        let file_len = subject.disk.read_file(name).unwrap().len();
        // All of the header, the data and the footer, and the last block.
        let front = scan.data_end.next_multiple_of(4096) + 1024;
        let bytes = (0..front).chain(file_len - 4096..file_len);
        let bits = bytes.flat_map(|byte| (0..8).map(move |bit| Damage::Bit(byte as u64, bit)));
        bits.step_by(stride).collect()
    });
}

#[test]
fn a_flipped_bit_anywhere_is_survived_or_told_exactly() {
    check_bits(Length::Short);
}

#[test]
fn a_flipped_bit_of_the_last_write_is_told_once_something_vouches_for_it() {
    check_bits(Length::Witnessed);
}
