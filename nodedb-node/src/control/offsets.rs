//! How far each source was taken in: partition offsets and watermarks.

use std::collections::BTreeMap;

use nodedb_wal::payload::CommitOffsets;
use nodedb_wal::types::Timestamp;

/// How far one source was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceProgress {
    /// For each partition the offset of the next event to read.
    pub offsets: BTreeMap<u32, u64>,
    /// The time before which no more events are expected.
    pub watermark: Option<Timestamp>,
}

/// How far every source was taken in, by the source's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOffsets {
    by_source: BTreeMap<String, SourceProgress>,
}

impl SourceOffsets {
    /// Takes a commit in: the partitions it names move, the others stay. The last commit counts.
    pub fn apply(&mut self, commit: &CommitOffsets) {
        for at in &commit.offsets {
            self.set_offset(&commit.source, at.partition, at.offset);
        }
        if let Some(watermark) = commit.watermark {
            self.set_watermark(&commit.source, watermark);
        }
    }

    pub(crate) fn set_offset(&mut self, source: &str, partition: u32, offset: u64) {
        self.source(source).offsets.insert(partition, offset);
    }

    pub(crate) fn set_watermark(&mut self, source: &str, watermark: Timestamp) {
        self.source(source).watermark = Some(watermark);
    }

    fn source(&mut self, source: &str) -> &mut SourceProgress {
        self.by_source.entry(source.to_owned()).or_default()
    }

    /// How far the source of this name was taken in.
    #[must_use]
    pub fn find(&self, source: &str) -> Option<&SourceProgress> {
        self.by_source.get(source)
    }

    /// All of them, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SourceProgress)> {
        self.by_source
            .iter()
            .map(|(source, progress)| (source.as_str(), progress))
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::payload::PartitionOffset;

    use super::*;

    #[test]
    fn a_partition_that_is_not_named_stays_where_it_is() {
        let mut offsets = SourceOffsets::default();
        let commit = |partition, offset, watermark| CommitOffsets {
            source: "s".to_owned(),
            offsets: vec![PartitionOffset { partition, offset }],
            watermark,
        };
        offsets.apply(&commit(1, 10, Some(Timestamp::from_nanos(7))));
        offsets.apply(&commit(2, 20, None));
        offsets.apply(&commit(1, 11, None));
        let expected = SourceProgress {
            offsets: BTreeMap::from([(1, 11), (2, 20)]),
            watermark: Some(Timestamp::from_nanos(7)),
        };
        assert_eq!(offsets.find("s"), Some(&expected));
        assert_eq!(offsets.find("t"), None);
    }
}
