//! Whether one segment follows another: a pure function over what two neighbours say.

use crate::format::SegmentHeader;
use crate::format::checksum::Digest;
use crate::types::Lsn;

/// How the earlier of two neighbours ended, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownEnd {
    pub(crate) last_lsn: Lsn,
    pub(crate) digest: Digest,
}

/// Why a segment does not follow the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkFault {
    /// It is of another log.
    Foreign,
    /// Segments between the two are missing.
    Missing,
    /// Both hold the same records, or the same place in the log.
    Overlap,
    /// The earlier one is not the segment that was there when this one was started.
    Replaced,
}

/// Whether `next` follows `previous`, which ended with `end` where that is known.
pub(crate) fn check_link(
    previous: &SegmentHeader,
    end: Option<KnownEnd>,
    next: &SegmentHeader,
) -> Result<(), LinkFault> {
    if next.log_id != previous.log_id {
        return Err(LinkFault::Foreign);
    }
    if next.number <= previous.number || next.first_lsn < previous.first_lsn {
        return Err(LinkFault::Overlap);
    }
    if next.number > previous.number + 1 {
        return Err(LinkFault::Missing);
    }
    let Some(end) = end else { return Ok(()) };
    match end.last_lsn.cmp(&next.previous_last_lsn) {
        std::cmp::Ordering::Less => Err(LinkFault::Missing),
        std::cmp::Ordering::Greater => Err(LinkFault::Overlap),
        std::cmp::Ordering::Equal if end.digest != next.previous_digest => Err(LinkFault::Replaced),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    fn header(log_id: u128, number: u64, first: u64) -> SegmentHeader {
        SegmentHeader {
            log_id,
            number,
            first_lsn: Lsn::new(first),
            previous_last_lsn: Lsn::new(first - 1),
            previous_digest: Digest::EMPTY,
            salt: 0,
            core: 0,
            key_id: 0,
            created_at: Timestamp::from_nanos(0),
            capacity: 1 << 16,
            start_lsn: Lsn::FIRST,
        }
    }

    #[test]
    fn every_combination_of_neighbours_is_judged() {
        let previous = header(1, 5, 100);
        let end = |last: u64, digest| {
            Some(KnownEnd {
                last_lsn: Lsn::new(last),
                digest,
            })
        };
        let good = end(199, Digest::EMPTY);
        let table = [
            (header(1, 6, 200), good, Ok(())),
            (header(1, 6, 200), None, Ok(())),
            (header(2, 6, 200), good, Err(LinkFault::Foreign)),
            (header(2, 9, 200), None, Err(LinkFault::Foreign)),
            (header(1, 5, 200), good, Err(LinkFault::Overlap)),
            (header(1, 4, 200), None, Err(LinkFault::Overlap)),
            (header(1, 6, 99), None, Err(LinkFault::Overlap)),
            (header(1, 7, 200), good, Err(LinkFault::Missing)),
            (header(1, 7, 200), None, Err(LinkFault::Missing)),
            (
                header(1, 6, 200),
                end(150, Digest::EMPTY),
                Err(LinkFault::Missing),
            ),
            (
                header(1, 6, 200),
                end(210, Digest::EMPTY),
                Err(LinkFault::Overlap),
            ),
            (
                header(1, 6, 200),
                end(199, Digest::EMPTY.extended(1)),
                Err(LinkFault::Replaced),
            ),
        ];
        for (next, end, expected) in table {
            assert_eq!(
                check_link(&previous, end, &next),
                expected,
                "{next:?} {end:?}"
            );
        }
    }
}
