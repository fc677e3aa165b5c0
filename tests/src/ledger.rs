//! What was injected, and what the log answered: the table at the end of a run.

use std::collections::BTreeMap;
use std::fmt;

use nodedb_wal::storage::sim::{FaultCounts, FaultKind};
use nodedb_wal::{Error, ErrorClass, Verdict};

/// What the log made of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It opened, and nothing was dropped.
    CleanEnd,
    /// It opened, and said that a torn write was dropped.
    TornTail,
    /// It opened, and said that a part of a batch was dropped.
    HalfBatch,
    /// It said which acknowledged records are damaged.
    Damaged,
    /// It said in another way that files are not what was written.
    Refused,
    /// It told the error of the disk, and acknowledged nothing behind it.
    Failed,
}

impl Answer {
    const NAMES: [&'static str; 6] = [
        "clean end",
        "torn tail",
        "half batch",
        "damage told",
        "files refused",
        "error told",
    ];

    /// What opening said.
    #[must_use]
    pub fn of(opened: Result<Verdict, &Error>) -> Self {
        match opened {
            Ok(Verdict::CleanEnd) => Self::CleanEnd,
            Ok(Verdict::TornTail) => Self::TornTail,
            Ok(Verdict::HalfBatch) => Self::HalfBatch,
            Err(Error::Damaged { .. }) => Self::Damaged,
            Err(error) if error.class() == ErrorClass::Corruption => Self::Refused,
            Err(_) => Self::Failed,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Row {
    injected: u64,
    answers: [u64; Answer::NAMES.len()],
}

/// Counts by kind of fault.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    rows: BTreeMap<FaultKind, Row>,
    /// Power that went, or processes that were killed, during a recovery.
    pub in_recovery: u64,
    /// Ends of a run that were followed by an opening that was checked.
    pub cycles: u64,
}

impl Ledger {
    /// On a disk with the faults `after`, of which `before` were counted earlier, the log said
    /// `answer`.
    pub fn note(&mut self, before: &FaultCounts, after: &FaultCounts, answer: Answer) {
        self.cycles += 1;
        for (kind, count) in after.iter().filter(|(_, count)| *count > 0) {
            let row = self.rows.entry(kind).or_default();
            row.injected += count - before.of(kind);
            row.answers[answer as usize] += 1;
        }
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.in_recovery += other.in_recovery;
        self.cycles += other.cycles;
        for (kind, more) in &other.rows {
            let row = self.rows.entry(*kind).or_default();
            row.injected += more.injected;
            for (count, more) in row.answers.iter_mut().zip(more.answers) {
                *count += more;
            }
        }
    }

    /// How often a kind was injected.
    #[must_use]
    pub fn injected(&self, kind: FaultKind) -> u64 {
        self.rows.get(&kind).map_or(0, |row| row.injected)
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18}{:>10}", "fault", "injected")?;
        for name in Answer::NAMES {
            write!(f, "{name:>14}")?;
        }
        for kind in FaultKind::ALL {
            let row = self.rows.get(kind).cloned().unwrap_or_default();
            write!(f, "\n{:<18}{:>10}", format!("{kind:?}"), row.injected)?;
            for count in row.answers {
                write!(f, "{count:>14}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nodedb_wal::storage::sim::SimDisk;

    #[test]
    fn a_fault_is_counted_once_and_its_answers_each_time() {
        let disk = SimDisk::new(1);
        disk.write_file("a", &[1; 512]);
        disk.zero_sector("a", 0).unwrap();
        let mut ledger = Ledger::default();
        ledger.note(&FaultCounts::default(), &disk.faults(), Answer::Damaged);
        ledger.note(&disk.faults(), &disk.faults(), Answer::Damaged);
        assert_eq!(ledger.injected(FaultKind::ZeroedSector), 1);
        let mut sum = ledger.clone();
        sum.add(&ledger);
        assert_eq!(sum.cycles, 4);
        let table = sum.to_string();
        let line = table.lines().find(|line| line.starts_with("ZeroedSector"));
        let cells: Vec<_> = line.unwrap().split_whitespace().collect();
        assert_eq!(cells, ["ZeroedSector", "2", "0", "0", "0", "4", "0", "0"]);
    }
}
