//! What the end of the log means: a pure function from evidence to verdict. Nothing here reads a
//! file, and nothing else decides.

use std::fmt;

use crate::error::{Error, Result};
use crate::segment::{SegmentEntry, Stop, Tail};
use crate::types::LsnRange;

/// What recovery decided about the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The log ends with a whole record and nothing behind it.
    CleanEnd,
    /// A write did not reach the disk whole. What is left of it is dropped; none of it was
    /// acknowledged.
    TornTail,
    /// A batch did not reach the disk whole. All of it is dropped; it was not acknowledged.
    HalfBatch,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CleanEnd => "clean end",
            Self::TornTail => "torn tail",
            Self::HalfBatch => "half a batch",
        })
    }
}

/// What was found behind the last record that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// How the run of whole records ended.
    pub(crate) stop: Stop,
    /// Whether it ended inside a batch.
    pub(crate) half_batch: bool,
    /// Whether some frontier says that the first missing record had been durable.
    pub(crate) missing_was_durable: bool,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Keep the whole records, drop the rest.
    Keep(Verdict),
    /// Acknowledged data is damaged: open nothing, change nothing.
    Refuse,
}

/// The recovery table.
pub(crate) fn judge(evidence: Evidence) -> Judgement {
    if evidence.missing_was_durable {
        // Whatever the damage looks like, and also when nothing seems to follow: a frontier
        // remembers a record that is not there.
        return Judgement::Refuse;
    }
    Judgement::Keep(match (evidence.half_batch, evidence.stop) {
        (true, _) => Verdict::HalfBatch,
        (false, Stop::Damage) => Verdict::TornTail,
        (false, Stop::Clean) => Verdict::CleanEnd,
    })
}

/// What the end of `last` means, or why it is refused.
pub(crate) fn judge_tail(tail: &Tail, last: &SegmentEntry) -> Result<Verdict> {
    let judgement = judge(Evidence {
        stop: tail.stop,
        half_batch: tail.half_batch,
        missing_was_durable: tail.claimed_lsn > tail.last_lsn,
    });
    match judgement {
        Judgement::Keep(verdict) => Ok(verdict),
        Judgement::Refuse => {
            let lsns = LsnRange {
                first: tail.last_lsn.next(),
                last: tail.claimed_lsn,
            };
            let path = last.path().to_path_buf();
            Err(Error::Damaged {
                path,
                offset: tail.stop_offset,
                lsns,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_evidence_has_its_verdict() {
        use Judgement::{Keep, Refuse};
        let table = [
            (Stop::Clean, false, false, Keep(Verdict::CleanEnd)),
            (Stop::Clean, false, true, Refuse),
            (Stop::Clean, true, false, Keep(Verdict::HalfBatch)),
            (Stop::Clean, true, true, Refuse),
            (Stop::Damage, false, false, Keep(Verdict::TornTail)),
            (Stop::Damage, false, true, Refuse),
            (Stop::Damage, true, false, Keep(Verdict::HalfBatch)),
            (Stop::Damage, true, true, Refuse),
        ];
        let mut seen = std::collections::HashSet::new();
        for (stop, half_batch, missing_was_durable, expected) in table {
            let evidence = Evidence {
                stop,
                half_batch,
                missing_was_durable,
            };
            assert_eq!(judge(evidence), expected, "{evidence:?}");
            assert!(seen.insert((stop, half_batch, missing_was_durable)));
        }
        assert_eq!(seen.len(), 2 * 2 * 2, "the table is complete");
    }
}
