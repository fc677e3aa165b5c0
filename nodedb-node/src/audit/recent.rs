//! The entries seen last, for seals: a seal covers the trail up to a record some way in front of
//! itself, as others wrote meanwhile.

use std::collections::VecDeque;

use nodedb_wal::types::Lsn;

use crate::control::{AuditChain, AuditDigest, AuditLink};

/// How many are remembered.
const REMEMBERED: usize = 65_536;

#[derive(Debug)]
struct Seen {
    lsn: Lsn,
    entry: AuditDigest,
    /// The chain's end with it, where that is known.
    link: Option<AuditLink>,
}

/// The entries seen last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    seen: VecDeque<Seen>,
    /// The last that was forgotten.
    forgotten: Option<Seen>,
}

impl Recent {
    pub(super) fn add(&mut self, lsn: Lsn, entry: AuditDigest, link: Option<AuditLink>) {
        self.seen.push_back(Seen { lsn, entry, link });
        if self.seen.len() > REMEMBERED {
            self.forgotten = self.seen.pop_front();
        }
    }

    /// Whether every entry behind `through` is remembered.
    pub(super) fn reaches(&self, through: Lsn) -> bool {
        let forgotten = self.forgotten.as_ref();
        forgotten.is_none_or(|seen| seen.lsn <= through)
    }

    /// How many entries are behind `through`.
    pub(super) fn count_behind(&self, through: Lsn) -> u64 {
        (self.seen.len() - self.count_up_to(through)) as u64
    }

    /// The chain that ended with `link` at `through`, with every entry since.
    pub(super) fn chain_from(&mut self, through: Lsn, link: AuditLink) -> AuditChain {
        let behind = self.count_up_to(through);
        if let Some(last) = behind.checked_sub(1).and_then(|at| self.seen.get_mut(at)) {
            last.link = Some(link);
        }
        let mut chain = AuditChain::ending_in(link);
        for seen in self.seen.range_mut(behind..) {
            seen.link = Some(chain.add(seen.entry));
        }
        chain
    }

    fn count_up_to(&self, through: Lsn) -> usize {
        self.seen.partition_point(|seen| seen.lsn <= through)
    }

    /// Where the chain ended at `through`; `now` is where it ends.
    pub(super) fn link_at(&self, through: Lsn, now: &AuditChain) -> Option<AuditLink> {
        let before = match self.count_up_to(through).checked_sub(1) {
            Some(at) => self.seen.get(at),
            None => self.forgotten.as_ref(),
        };
        match before {
            Some(seen) => seen.link,
            // Nothing was in front: the chain is as long as what is behind, or has no entry.
            None if self.seen.is_empty() => Some(now.end()),
            None => None,
        }
    }
}
