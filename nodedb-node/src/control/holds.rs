//! Holds: who still needs old records, and from where on.

use std::collections::BTreeMap;

use nodedb_wal::types::{Lsn, Timestamp};

/// What one holder needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The first record that is needed; nothing while the holder has not said, which keeps every
    /// record.
    pub needs: Option<Lsn>,
    /// When it last moved.
    pub since: Timestamp,
}

/// The holds of a node by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    by_name: BTreeMap<String, Hold>,
}

impl Holds {
    /// Places, moves or, with [`Lsn::MAX`], drops a hold. A hold that is told what it needs already
    /// keeps its time.
    pub fn set(&mut self, name: &str, needs: Option<Lsn>, at: Timestamp) {
        if needs == Some(Lsn::MAX) {
            self.by_name.remove(name);
            return;
        }
        match self.by_name.get_mut(name) {
            Some(hold) if hold.needs == needs => {}
            Some(hold) => *hold = Hold { needs, since: at },
            None => {
                let hold = Hold { needs, since: at };
                self.by_name.insert(name.to_owned(), hold);
            }
        }
    }

    /// The hold of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Hold> {
        self.by_name.get(name).copied()
    }

    /// All of them, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Hold)> {
        self.by_name
            .iter()
            .map(|(name, hold)| (name.as_str(), *hold))
    }

    /// The first hold, in order of name, that has not said what it needs.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        self.iter()
            .find(|(_, hold)| hold.needs.is_none())
            .map(|(name, _)| name)
    }

    /// The first record anybody needs, and who; nothing when nobody said.
    #[must_use]
    pub fn lowest(&self) -> Option<(&str, Lsn)> {
        self.iter()
            .filter_map(|(name, hold)| Some((name, hold.needs?)))
            .min_by_key(|&(_, needs)| needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn the_lowest_hold_is_the_one_that_counts() {
        let mut holds = Holds::default();
        assert_eq!(holds.lowest(), None);
        holds.set("b", Some(Lsn::new(5)), at(1));
        holds.set("a", Some(Lsn::new(9)), at(2));
        assert_eq!(holds.lowest(), Some(("b", Lsn::new(5))));
        holds.set("b", Some(Lsn::MAX), at(3));
        assert_eq!(holds.lowest(), Some(("a", Lsn::new(9))));
    }

    #[test]
    fn a_hold_that_has_not_said_is_found() {
        let mut holds = Holds::default();
        holds.set("a", Some(Lsn::new(9)), at(1));
        assert_eq!(holds.unknown(), None);
        holds.set("c", None, at(1));
        assert_eq!(holds.unknown(), Some("c"));
    }

    #[test]
    fn a_hold_that_does_not_move_keeps_its_time() {
        let mut holds = Holds::default();
        holds.set("a", Some(Lsn::new(9)), at(1));
        holds.set("a", Some(Lsn::new(9)), at(2));
        assert_eq!(holds.find("a").map(|hold| hold.since), Some(at(1)));
        holds.set("a", Some(Lsn::new(10)), at(3));
        assert_eq!(holds.find("a").map(|hold| hold.since), Some(at(3)));
    }
}
