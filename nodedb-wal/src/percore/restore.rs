//! What opening brings back: offsets and watermarks, and what counts no more behind them.

use super::cut::Cut;
use super::sources::Sources;
use crate::error::Result;
use crate::format::ManifestVoid;
use crate::log::{Log, ReadOptions};
use crate::payload::{AlignedScratch, CommitOffsets, CommitOffsetsView};
use crate::types::{Epoch, Lsn, LsnRange, RecordKind};

/// What opening found of cuts and sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The last cut; `None` where there was none.
    pub cut: Option<Cut>,
    /// For each source, in order of name, how far it was taken in, by the last cut and by what was
    /// committed on the cores since: each is to be read on from here. A watermark holds for the whole
    /// source.
    pub offsets: Vec<CommitOffsets>,
    /// Records that were taken out because their source brings them again, by core: only where
    /// [`CoresConfig::restore_sources`](super::CoresConfig::restore_sources) asked for it.
    pub taken_out: Vec<(u32, LsnRange)>,
}

/// What a core's log says of itself.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What was committed on the core behind the cut.
    pub(super) committed: Sources,
    /// The last record that offsets or the cut cover.
    pub(super) covered: Lsn,
    /// The epoch of the last record.
    pub(super) epoch: Epoch,
}

/// Reads how the log of a core ended, whose last record in the cut was `cut`.
pub(super) fn read_end(log: &Log, cut: Lsn) -> Result<Ended> {
    let last = log.next_lsn().previous();
    let mut ended = Ended {
        covered: cut,
        ..Ended::default()
    };
    if last < log.start_lsn() {
        return Ok(ended);
    }
    let mut newest = log.read(ReadOptions::from(last))?;
    if let Some(record) = newest.next()? {
        ended.epoch = record.header.epoch;
    }
    let from = cut.next().max(log.start_lsn());
    let commits = ReadOptions::from(from)
        .control_only()
        .kinds(&[RecordKind::CommitOffsets]);
    let mut commits = log.read(commits)?;
    let mut scratch = AlignedScratch::new();
    while let Some(record) = commits.next()? {
        let commit = CommitOffsetsView::read(record.payload, &mut scratch)?;
        let watermark = commit.watermark();
        ended
            .committed
            .take_in(commit.source(), commit.offsets(), watermark);
        ended.covered = ended.covered.max(record.lsn());
    }
    Ok(ended)
}

/// The records of a core behind `covered`, up to `last`, that are not taken out yet.
pub(super) fn uncovered(
    core: u32,
    covered: Lsn,
    last: Lsn,
    voids: &[ManifestVoid],
) -> Option<ManifestVoid> {
    let own = voids.iter().filter(|void| void.core == core);
    let settled = own.map(|void| void.lsns.last).fold(covered, Lsn::max);
    (settled < last).then(|| ManifestVoid {
        core,
        lsns: LsnRange {
            first: settled.next(),
            last,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_last_offsets_is_taken_out_once() {
        let lsn = Lsn::new;
        let void = |core, first, last| ManifestVoid {
            core,
            lsns: LsnRange {
                first: lsn(first),
                last: lsn(last),
            },
        };
        let check = |covered, last, voids: &[ManifestVoid], expected| {
            assert_eq!(uncovered(1, lsn(covered), lsn(last), voids), expected);
        };
        check(0, 0, &[], None);
        check(5, 5, &[], None);
        check(0, 3, &[], Some(void(1, 1, 3)));
        check(5, 9, &[], Some(void(1, 6, 9)));
        check(5, 9, &[void(1, 6, 9)], None);
        check(
            5,
            12,
            &[void(1, 6, 9), void(0, 1, 99)],
            Some(void(1, 10, 12)),
        );
        check(11, 12, &[void(1, 6, 9)], Some(void(1, 12, 12)));
    }
}
