//! How far sources were taken in, folded from what was committed: plain state.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::payload::{CommitOffsets, PartitionOffset, Payload as _};
use crate::types::Timestamp;

/// Every source that was committed, each partition as far as it came. What was committed in which
/// order makes no difference: offsets and watermarks only go forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    by_name: BTreeMap<String, Source>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Source {
    offsets: BTreeMap<u32, u64>,
    watermark: Option<Timestamp>,
}

impl Sources {
    /// Takes in one commit.
    pub(super) fn take_in(
        &mut self,
        source: &str,
        offsets: impl Iterator<Item = PartitionOffset>,
        watermark: Option<Timestamp>,
    ) {
        if !self.by_name.contains_key(source) {
            self.by_name.insert(source.to_owned(), Source::default());
        }
        let Some(source) = self.by_name.get_mut(source) else {
            return;
        };
        for PartitionOffset { partition, offset } in offsets {
            let known = source.offsets.entry(partition).or_default();
            *known = offset.max(*known);
        }
        source.watermark = source.watermark.max(watermark);
    }

    pub(super) fn take_in_all<'c>(&mut self, commits: impl IntoIterator<Item = &'c CommitOffsets>) {
        for commit in commits {
            let offsets = commit.offsets.iter().copied();
            self.take_in(&commit.source, offsets, commit.watermark);
        }
    }

    /// One commit for each source, in order of name.
    pub(super) fn commits(&self) -> Vec<CommitOffsets> {
        let commit = |(name, source): (&String, &Source)| CommitOffsets {
            source: name.clone(),
            offsets: source
                .offsets
                .iter()
                .map(|(&partition, &offset)| PartitionOffset { partition, offset })
                .collect(),
            watermark: source.watermark,
        };
        self.by_name.iter().map(commit).collect()
    }

    /// The same, encoded.
    pub(super) fn encode(&self) -> Result<Vec<Vec<u8>>> {
        let encode = |commit: CommitOffsets| {
            let mut bytes = Vec::new();
            commit.encode(&mut bytes)?;
            Ok(bytes)
        };
        self.commits().into_iter().map(encode).collect()
    }

    pub(super) fn decode(encoded: &[Vec<u8>]) -> Result<Self> {
        let mut sources = Self::default();
        for bytes in encoded {
            sources.take_in_all([&CommitOffsets::decode(bytes)?]);
        }
        Ok(sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(source: &str, offsets: &[(u32, u64)], watermark: Option<i64>) -> CommitOffsets {
        CommitOffsets {
            source: source.to_owned(),
            offsets: offsets
                .iter()
                .map(|&(partition, offset)| PartitionOffset { partition, offset })
                .collect(),
            watermark: watermark.map(Timestamp::from_nanos),
        }
    }

    #[test]
    fn offsets_and_watermarks_only_go_forward_whatever_comes_first() {
        let commits = [
            commit("a", &[(0, 10), (1, 5)], Some(-3)),
            commit("b", &[(0, 1)], None),
            commit("a", &[(1, 9)], None),
            commit("a", &[(0, 7)], Some(20)),
        ];
        let expected = vec![
            commit("a", &[(0, 10), (1, 9)], Some(20)),
            commit("b", &[(0, 1)], None),
        ];
        let mut forward = Sources::default();
        forward.take_in_all(&commits);
        let mut backward = Sources::default();
        backward.take_in_all(commits.iter().rev());
        assert_eq!(forward.commits(), expected);
        assert_eq!(forward, backward);
        assert_eq!(
            Sources::decode(&forward.encode().unwrap()).unwrap(),
            forward
        );
    }
}
