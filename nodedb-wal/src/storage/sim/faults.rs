//! What can go wrong while the power is on: the plan of it, and the count of what was done.

use std::collections::BTreeMap;
use std::time::Duration;

use super::random::Random;

/// Something that goes wrong in one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The operation fails with an I/O error.
    ///
    /// Of a write, some sectors are written. After a failed sync, some sectors are durable, and all
    /// look clean: no later sync writes them. A failed [`IoMode::Buffered`] write may be either.
    /// After a failed directory sync, some changes are durable, and the others are left to be
    /// synced. Anything else fails without effect.
    ///
    /// [`IoMode::Buffered`]: crate::storage::IoMode::Buffered
    Error,
    /// There is no room, whatever [`FaultPlan::capacity_bytes`] says. Of a write, the first sectors
    /// may be written. Operations that take no space are not touched.
    NoSpace,
    /// A write lands at another block of the same file, and its own place stays as it was. Files
    /// with no other place for it are not touched.
    Misdirected,
    /// The disk says yes and does not do it: a write or sync that never gets past the cache, a
    /// creation, rename or removal that no directory sync makes durable. Changes of length are not
    /// touched.
    Lost,
    /// Only the first sectors are written, and the call says how many; nothing is wrong with them.
    /// Writes of one sector are not touched.
    Short,
    /// A signal comes before anything is written.
    Interrupted,
    /// It takes this long.
    Stall(Duration),
    /// The wall clock jumps by these nanoseconds.
    ClockJump(i64),
}

/// Something that goes wrong in one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadFault {
    /// The read fails with an I/O error.
    Error,
    /// Only the first sectors are read, and the call says how many. Reads of one sector are not
    /// touched.
    Short,
    /// A signal comes before anything is read.
    Interrupted,
}

/// How often each fault strikes by chance, in a million operations that it can strike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// Of [`Fault::Error`].
    pub error: u32,
    /// Of [`Fault::NoSpace`].
    pub no_space: u32,
    /// Of [`Fault::Misdirected`].
    pub misdirected: u32,
    /// Of [`Fault::Lost`].
    pub lost: u32,
    /// Of [`Fault::Stall`], for up to ten seconds.
    pub stall: u32,
    /// Of [`Fault::ClockJump`], by up to an hour either way.
    pub clock_jump: u32,
}

/// Everything that is to go wrong while the power is on. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// What goes wrong at which operation, counted as [`SimDisk::operations`] counts.
    ///
    /// [`SimDisk::operations`]: super::SimDisk::operations
    pub at: BTreeMap<u64, Fault>,
    /// What goes wrong by chance, where nothing is planned.
    pub rates: FaultRates,
    /// How much space there is for all files together. Files whose names are gone take space as
    /// long as they are open or may come back after a crash.
    pub capacity_bytes: Option<u64>,
    /// Each write needs new space for its bytes while it happens, also over old ones, as on a file
    /// system that never writes in place.
    pub writes_need_space: bool,
    /// What goes wrong at which read, counted as [`SimDisk::reads`] counts.
    ///
    /// [`SimDisk::reads`]: super::SimDisk::reads
    pub reads_at: BTreeMap<u64, ReadFault>,
}

/// What a counted operation was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Storage::create`](crate::storage::Storage::create).
    Create,
    /// [`Storage::rename`](crate::storage::Storage::rename).
    Rename,
    /// [`Storage::remove`](crate::storage::Storage::remove).
    Remove,
    /// [`Storage::sync_directory`](crate::storage::Storage::sync_directory).
    SyncDirectory,
    /// [`StorageFile::write_durable`](crate::storage::StorageFile::write_durable).
    Write,
    /// [`StorageFile::write_zeros`](crate::storage::StorageFile::write_zeros).
    WriteZeros,
    /// [`StorageFile::set_len`](crate::storage::StorageFile::set_len).
    SetLen,
    /// [`StorageFile::sync`](crate::storage::StorageFile::sync).
    Sync,
}

impl FaultPlan {
    /// What goes wrong with an operation.
    pub(super) fn draw(
        &self,
        index: u64,
        operation: Operation,
        random: &mut Random,
    ) -> Option<Fault> {
        let planned = self.at.get(&index).copied();
        planned
            .or_else(|| self.rates.draw(operation, random))
            .filter(|fault| fault.strikes(operation))
    }
}

impl FaultRates {
    fn draw(&self, operation: Operation, random: &mut Random) -> Option<Fault> {
        if *self == Self::default() {
            return None;
        }
        let stall = Duration::from_millis(random.below(10_000));
        let jump_nanos = i64::try_from(random.below(7_200_000_000_000)).unwrap_or(0);
        let rates = [
            (self.error, Fault::Error),
            (self.no_space, Fault::NoSpace),
            (self.misdirected, Fault::Misdirected),
            (self.lost, Fault::Lost),
            (self.stall, Fault::Stall(stall)),
            (
                self.clock_jump,
                Fault::ClockJump(jump_nanos - 3_600_000_000_000),
            ),
        ];
        let mut possible = rates
            .into_iter()
            .filter(|(_, fault)| fault.strikes(operation));
        possible
            .find(|(rate, _)| random.per_million(*rate))
            .map(|(_, fault)| fault)
    }
}

impl Fault {
    fn strikes(self, operation: Operation) -> bool {
        match self {
            Self::Error | Self::Stall(_) | Self::ClockJump(_) => true,
            Self::NoSpace => {
                matches!(
                    operation,
                    Operation::Create | Operation::Write | Operation::WriteZeros
                )
            }
            Self::Misdirected | Self::Short | Self::Interrupted => operation == Operation::Write,
            Self::Lost => !matches!(operation, Operation::WriteZeros | Operation::SetLen),
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// Everything a [`SimDisk`](super::SimDisk) can do wrong, for counting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $kind,)*
        }

        impl FaultKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];
        }
    };
}

kinds! {
    /// The power went.
    PowerLoss,
    /// An unsynced sector survived a crash.
    SectorKept,
    /// An unsynced sector did not survive a crash.
    SectorDropped,
    /// Of a sector written more than once, neither the first nor the last content survived.
    SectorBetween,
    /// An unsynced sector survived in part.
    SectorTorn,
    /// An unsynced sector was garbage after a crash, also where the same bytes were written again.
    SectorGarbage,
    /// An unsynced change of a file's length did not survive a crash.
    LengthLost,
    /// An unsynced change of the directory did not survive a crash.
    NameLost,
    /// A write failed.
    WriteError,
    /// A write did less than was asked.
    ShortWrite,
    /// A write was interrupted.
    InterruptedWrite,
    /// A sync failed.
    SyncError,
    /// A creation, rename, removal, directory sync or change of length failed.
    OtherError,
    /// A read failed.
    ReadError,
    /// A read did less than was asked.
    ShortRead,
    /// A read was interrupted.
    InterruptedRead,
    /// A creation or write found no room.
    NoSpace,
    /// A write landed elsewhere.
    MisdirectedWrite,
    /// A write was said to be durable and was not.
    LostWrite,
    /// A sync of a file or of the directory was said to have happened and had not.
    LostSync,
    /// A creation, rename or removal that no sync makes durable.
    LostName,
    /// An operation took long.
    Stall,
    /// The clock jumped.
    ClockJump,
    /// A bit was flipped.
    BitFlip,
    /// A sector was zeroed.
    ZeroedSector,
    /// A sector went back to what it was earlier.
    StaleSector,
    /// Bytes were replaced.
    Patched,
    /// A file was cut or extended.
    TruncatedFile,
    /// A file was removed.
    MissingFile,
    /// A file was copied from another disk.
    ForeignFile,
}

/// How many times each [`FaultKind`] was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultCounts {
    counts: [u64; FaultKind::ALL.len()],
}

impl FaultCounts {
    /// How many of one kind.
    #[must_use]
    pub fn of(&self, kind: FaultKind) -> u64 {
        self.counts[kind as usize]
    }

    /// Every kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (FaultKind, u64)> {
        FaultKind::ALL.iter().map(|kind| (*kind, self.of(*kind)))
    }

    /// Adds the counts of another disk.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    pub(super) fn count(&mut self, kind: FaultKind) {
        self.count_many(kind, 1);
    }

    pub(super) fn count_many(&mut self, kind: FaultKind, more: usize) {
        self.counts[kind as usize] += more as u64;
    }
}

impl Default for FaultCounts {
    fn default() -> Self {
        let counts = [0; FaultKind::ALL.len()];
        Self { counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_fault_strikes_its_operation_and_no_other() {
        let at = BTreeMap::from([(3, Fault::Error), (4, Fault::Misdirected)]);
        let plan = FaultPlan {
            at,
            ..FaultPlan::default()
        };
        let mut random = Random::new(0);
        let mut draw = |index, operation| plan.draw(index, operation, &mut random);
        assert_eq!(draw(2, Operation::Write), None);
        assert_eq!(draw(3, Operation::Sync), Some(Fault::Error));
        assert_eq!(draw(4, Operation::Sync), None);
        assert_eq!(draw(4, Operation::Write), Some(Fault::Misdirected));
    }

    #[test]
    fn faults_by_chance_come_as_often_as_asked() {
        let rates = FaultRates {
            error: 100_000,
            stall: 500_000,
            ..FaultRates::default()
        };
        let plan = FaultPlan {
            rates,
            ..FaultPlan::default()
        };
        let mut random = Random::new(7);
        let drawn: Vec<_> = (0..10_000)
            .filter_map(|at| plan.draw(at, Operation::Sync, &mut random))
            .collect();
        let errors = drawn.iter().filter(|fault| **fault == Fault::Error).count();
        assert!((800..1200).contains(&errors), "{errors}");
        assert!(
            (4000..5000).contains(&(drawn.len() - errors)),
            "{}",
            drawn.len()
        );
    }

    #[test]
    fn counts_add_up_by_kind() {
        let mut counts = FaultCounts::default();
        counts.count(FaultKind::Stall);
        let mut sum = counts.clone();
        sum.add(&counts);
        assert_eq!(sum.of(FaultKind::Stall), 2);
        assert_eq!(sum.iter().map(|(_, count)| count).sum::<u64>(), 2);
    }
}
