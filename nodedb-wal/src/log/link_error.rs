//! What is told of two segments of which one does not follow the other.

use super::link::{KnownEnd, LinkFault, check_link};
use crate::error::Error;
use crate::segment::SegmentEntry;
use crate::types::LsnRange;

/// What is wrong between two segments, if anything is.
pub(crate) fn link_error(previous: &SegmentEntry, next: &SegmentEntry) -> Option<Error> {
    let end = previous.trailer().map(|t| KnownEnd {
        last_lsn: t.last_lsn,
        digest: t.digest,
    });
    let fault = check_link(previous.header(), end, next.header()).err()?;
    let path = next.path().to_path_buf();
    let first_lsn = next.header().first_lsn;
    Some(match fault {
        LinkFault::Foreign => Error::ForeignSegment {
            path,
            expected: previous.header().log_id,
            found: next.header().log_id,
        },
        LinkFault::Missing => {
            let known_last = end.map_or(previous.header().first_lsn, |end| end.last_lsn);
            let lsns = LsnRange {
                first: known_last.next().min(first_lsn.previous()),
                last: first_lsn.previous(),
            };
            Error::MissingSegment { path, lsns }
        }
        LinkFault::Overlap => Error::OverlappingSegments {
            path,
            lsn: first_lsn,
        },
        LinkFault::Replaced => Error::ReplacedSegment {
            path: previous.path().to_path_buf(),
        },
    })
}
