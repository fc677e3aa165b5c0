//! Consumers of the log: who there is, and how far each has come.

use std::collections::BTreeMap;

use nodedb_wal::payload::{ConsumerAdded, ConsumerCursors, ConsumerDropped};
use nodedb_wal::types::{Lsn, Timestamp};

/// What is known of one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerState {
    /// What it was added as.
    pub added: ConsumerAdded,
    /// When.
    pub since: Timestamp,
    /// How far each partition has come that has moved since.
    pub cursors: BTreeMap<u32, Lsn>,
    /// That it was dropped because it was too far behind; then nothing is held for it.
    pub dropped: Option<ConsumerDropped>,
}

impl ConsumerState {
    /// Everything of the partition up to here was acknowledged.
    #[must_use]
    pub fn acknowledged(&self, partition: u32) -> Lsn {
        let moved = self.cursors.get(&partition).copied();
        moved.unwrap_or_else(|| self.added.from.previous())
    }

    /// Everything up to here was acknowledged in every partition.
    #[must_use]
    pub fn acknowledged_by_all(&self) -> Lsn {
        let all = (0..self.added.partitions).map(|partition| self.acknowledged(partition));
        all.min().unwrap_or_default()
    }

    /// The first record that is held for it; nothing once it was dropped.
    #[must_use]
    pub fn needs(&self) -> Option<Lsn> {
        let is_there = self.dropped.is_none();
        is_there.then(|| self.acknowledged_by_all().next())
    }
}

/// The consumers of a node by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerStates {
    by_name: BTreeMap<String, ConsumerState>,
}

impl ConsumerStates {
    /// Takes in that a consumer was added; what was known of one of that name is over.
    pub fn add(&mut self, added: &ConsumerAdded, at: Timestamp) {
        let state = ConsumerState {
            added: added.clone(),
            since: at,
            cursors: BTreeMap::new(),
            dropped: None,
        };
        self.by_name.insert(added.name.clone(), state);
    }

    /// Takes in that one was dropped. One that was too far behind is remembered, to be told.
    pub fn drop(&mut self, dropped: &ConsumerDropped) {
        if dropped.over.is_none() {
            self.by_name.remove(&dropped.name);
        } else if let Some(state) = self.by_name.get_mut(&dropped.name) {
            state.dropped = Some(dropped.clone());
        }
    }

    /// Takes in how far some have come. What is said of consumers or partitions that are not there
    /// comes from before they were dropped.
    pub fn move_on(&mut self, cursors: &ConsumerCursors) {
        for cursor in &cursors.cursors {
            let state = self.by_name.get_mut(&cursor.name);
            if let Some(state) = state.filter(|state| cursor.partition < state.added.partitions) {
                state.cursors.insert(cursor.partition, cursor.acknowledged);
            }
        }
    }

    /// The consumer of this name, one that was dropped for being too far behind included.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&ConsumerState> {
        self.by_name.get(name)
    }

    pub(crate) fn restore(&mut self, name: String, state: ConsumerState) {
        self.by_name.insert(name, state);
    }

    pub(crate) fn restore_cursor(&mut self, name: &str, partition: u32, acknowledged: Lsn) {
        if let Some(state) = self.by_name.get_mut(name) {
            state.cursors.insert(partition, acknowledged);
        }
    }

    /// All of them, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ConsumerState)> {
        self.by_name
            .iter()
            .map(|(name, state)| (name.as_str(), state))
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::payload::{ConsumerCursor, WhenOver};

    use super::*;

    fn added(partitions: u32, from: u64) -> ConsumerAdded {
        ConsumerAdded {
            name: "c".to_owned(),
            partitions,
            from: Lsn::new(from),
            kinds: Vec::new(),
            tenant: None,
            database: None,
            vshard: None,
            collection: None,
            records_max: None,
            bytes_max: None,
            seconds_max: None,
            when_over: WhenOver::Report,
        }
    }

    fn cursor(name: &str, partition: u32, acknowledged: u64) -> ConsumerCursors {
        let cursor = ConsumerCursor {
            name: name.to_owned(),
            partition,
            acknowledged: Lsn::new(acknowledged),
        };
        ConsumerCursors {
            cursors: vec![cursor],
        }
    }

    #[test]
    fn what_a_group_needs_is_what_its_slowest_partition_needs() {
        let mut states = ConsumerStates::default();
        states.add(&added(2, 5), Timestamp::from_nanos(1));
        let needs = |states: &ConsumerStates| states.find("c").and_then(ConsumerState::needs);
        assert_eq!(needs(&states), Some(Lsn::new(5)));
        for (name, partition, to, expected) in [
            ("c", 0, 20, 5),
            ("c", 1, 9, 10),
            ("other", 1, 30, 10),
            ("c", 2, 3, 10),
            ("c", 1, 7, 8),
        ] {
            states.move_on(&cursor(name, partition, to));
            assert_eq!(
                needs(&states),
                Some(Lsn::new(expected)),
                "{name} {partition}"
            );
        }
    }

    #[test]
    fn one_that_was_too_far_behind_is_remembered_until_it_is_dropped_or_added() {
        let mut states = ConsumerStates::default();
        let dropped = |over: Option<&str>| ConsumerDropped {
            name: "c".to_owned(),
            acknowledged: Lsn::new(4),
            over: over.map(str::to_owned),
        };
        states.drop(&dropped(Some("late")));
        assert_eq!(states, ConsumerStates::default());
        states.add(&added(1, 5), Timestamp::from_nanos(1));
        states.drop(&dropped(Some("late")));
        let state = states.find("c").unwrap();
        assert_eq!(
            (state.needs(), state.dropped.clone()),
            (None, Some(dropped(Some("late"))))
        );
        states.add(&added(1, 9), Timestamp::from_nanos(2));
        assert_eq!(states.find("c").unwrap().needs(), Some(Lsn::new(9)));
        states.drop(&dropped(None));
        assert_eq!(states.find("c"), None);
    }
}
