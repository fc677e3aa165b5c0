//! The simulated directory: which names there are now, and which there would be if the power went.
//!
//! It knows nothing of what is in the files, and decides nothing by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

/// A file of a [`SimDisk`](super::SimDisk), whatever it is called at the moment. Never used again for
/// another file of the same disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(super) u64);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file {}", self.0)
    }
}

/// A change of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameChange {
    /// A file was made.
    Created {
        /// The new name.
        name: Arc<str>,
        /// The new file.
        file: FileId,
    },
    /// A file got another name; a file that had that name lost it.
    Renamed {
        /// The name before.
        from: Arc<str>,
        /// The name after.
        to: Arc<str>,
        /// The file.
        file: FileId,
    },
    /// A name was removed.
    Removed {
        /// The name.
        name: Arc<str>,
        /// The file that had it.
        file: FileId,
    },
}

impl NameChange {
    /// The file that got or lost a name.
    #[must_use]
    pub fn file(&self) -> FileId {
        match self {
            Self::Created { file, .. }
            | Self::Renamed { file, .. }
            | Self::Removed { file, .. } => *file,
        }
    }

    fn names(&self) -> [&Arc<str>; 2] {
        match self {
            Self::Created { name, .. } | Self::Removed { name, .. } => [name, name],
            Self::Renamed { from, to, .. } => [from, to],
        }
    }

    /// Whether this change cannot survive without `earlier`: they are about the same file or name.
    fn needs(&self, earlier: &Self) -> bool {
        let share_name = self
            .names()
            .iter()
            .any(|name| earlier.names().contains(name));
        share_name || self.file() == earlier.file()
    }

    fn apply(&self, names: &mut BTreeMap<Arc<str>, FileId>) {
        match self {
            Self::Created { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Renamed { from, to, file } => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Removed { name, .. } => {
                names.remove(name);
            }
        }
    }
}

/// The names, live and durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    live: BTreeMap<Arc<str>, FileId>,
    durable: BTreeMap<Arc<str>, FileId>,
    /// What was done since the last sync, in order.
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
struct Change {
    change: NameChange,
    /// It will never be durable, whatever is synced.
    is_lost: bool,
}

impl Directory {
    /// The file of that name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) fn file(&self, name: &str) -> io::Result<FileId> {
        let found = self.live.get(name).copied();
        found.ok_or_else(|| nix::errno::Errno::ENOENT.into())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, FileId)> {
        self.live.iter().map(|(name, file)| (&**name, *file))
    }

    /// Every file that has a name now or may have one after a crash.
    pub(super) fn files(&self) -> BTreeSet<FileId> {
        let named = self.live.values().chain(self.durable.values()).copied();
        let changed = self.unsynced.iter().map(|change| change.change.file());
        named.chain(changed).collect()
    }

    pub(super) fn unsynced(&self) -> impl Iterator<Item = &NameChange> {
        self.unsynced.iter().map(|change| &change.change)
    }

    /// Does it now; durable after [`Self::sync`] unless `is_lost`.
    pub(super) fn change(&mut self, change: NameChange, is_lost: bool) {
        change.apply(&mut self.live);
        self.unsynced.push(Change { change, is_lost });
    }

    /// Makes every change durable.
    pub(super) fn sync(&mut self) {
        self.sync_some(&mut |_| true);
    }

    /// Which of the changes, by their place, are of the directory whose names start with `prefix`.
    pub(super) fn places_in(&self, prefix: &str) -> BTreeSet<usize> {
        let is_own = |name: &Arc<str>| {
            let own = name.strip_prefix(prefix);
            own.is_some_and(|own| !own.contains('/'))
        };
        let changes = self.unsynced.iter().enumerate();
        changes
            .filter(|(_, change)| change.change.names().into_iter().any(is_own))
            .map(|(place, _)| place)
            .collect()
    }

    /// Makes the changes durable that `keep` chooses by their place, as far as they can be without
    /// the others; those stay to be written. Returns how many were not made durable.
    pub(super) fn sync_some(&mut self, keep: &mut dyn FnMut(usize) -> bool) -> usize {
        let mut left: Vec<Change> = Vec::new();
        for (place, change) in std::mem::take(&mut self.unsynced).into_iter().enumerate() {
            let is_chosen = keep(place);
            let is_possible = !left
                .iter()
                .any(|l| !l.is_lost && change.change.needs(&l.change));
            if is_chosen && is_possible && !change.is_lost {
                change.change.apply(&mut self.durable);
            } else {
                left.push(change);
            }
        }
        let count = left.len();
        left.retain(|change| !change.is_lost);
        self.unsynced = left;
        count
    }

    /// The power goes; the changes survive that `keep` chooses by their place, as far as they can
    /// without the others. Returns how many did not.
    pub(super) fn crash(&mut self, keep: &mut dyn FnMut(usize) -> bool) -> usize {
        let lost = self.sync_some(keep);
        self.unsynced.clear();
        self.live = self.durable.clone();
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(name: &str, file: u64) -> NameChange {
        let file = FileId(file);
        NameChange::Created {
            name: name.into(),
            file,
        }
    }

    fn renamed(from: &str, to: &str, file: u64) -> NameChange {
        let (from, to, file) = (from.into(), to.into(), FileId(file));
        NameChange::Renamed { from, to, file }
    }

    fn removed(name: &str, file: u64) -> NameChange {
        let file = FileId(file);
        NameChange::Removed {
            name: name.into(),
            file,
        }
    }

    fn after_crash(changes: &[NameChange], kept: &[usize]) -> Vec<(String, u64)> {
        let mut directory = Directory::default();
        directory.change(created("old", 1), false);
        directory.sync();
        for change in changes {
            directory.change(change.clone(), false);
        }
        directory.crash(&mut |place| kept.contains(&place));
        directory
            .iter()
            .map(|(name, file)| (name.to_owned(), file.0))
            .collect()
    }

    fn check(changes: &[NameChange], kept: &[usize], expected: &[(&str, u64)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(n, f)| ((*n).to_owned(), *f))
            .collect();
        assert_eq!(
            after_crash(changes, kept),
            expected,
            "{changes:?} keeping {kept:?}"
        );
    }

    #[test]
    fn changes_survive_one_by_one_and_never_without_what_they_build_on() {
        let independent = [created("a", 2), created("b", 3), removed("old", 1)];
        check(&independent, &[], &[("old", 1)]);
        check(&independent, &[1], &[("b", 3), ("old", 1)]);
        check(&independent, &[0, 2], &[("a", 2)]);
        let chain = [created("a", 2), renamed("a", "b", 2), created("a", 3)];
        check(&chain, &[1, 2], &[("old", 1)]);
        check(&chain, &[0, 2], &[("a", 2), ("old", 1)]);
        check(&chain, &[0, 1], &[("b", 2), ("old", 1)]);
        check(&chain, &[0, 1, 2], &[("a", 3), ("b", 2), ("old", 1)]);
    }

    #[test]
    fn a_rename_over_a_file_is_one_change() {
        let over = [created("new", 2), renamed("new", "old", 2)];
        check(&over, &[0], &[("new", 2), ("old", 1)]);
        check(&over, &[0, 1], &[("old", 2)]);
        check(&over, &[1], &[("old", 1)]);
    }

    #[test]
    fn a_lost_rename_is_lost_through_every_sync() {
        let mut directory = Directory::default();
        directory.change(created("a", 1), false);
        directory.change(renamed("a", "b", 1), true);
        directory.sync();
        assert_eq!(directory.file("b").unwrap(), FileId(1));
        directory.crash(&mut |_| true);
        assert_eq!(directory.file("a").unwrap(), FileId(1));
        assert!(directory.file("b").is_err());
    }

    #[test]
    fn what_a_failed_sync_left_out_is_written_by_the_next() {
        let mut directory = Directory::default();
        directory.change(created("a", 1), false);
        directory.change(created("b", 2), false);
        assert_eq!(directory.sync_some(&mut |place| place == 1), 1);
        assert_eq!(directory.unsynced().count(), 1);
        directory.sync();
        directory.crash(&mut |_| false);
        assert_eq!(directory.iter().count(), 2);
    }
}
