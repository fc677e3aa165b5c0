//! Scans bytes in memory for the records that follow each other in them: the fast way over what is
//! nearly always there. It judges nothing: where something else stands it stops, and `Walk` looks.

use crate::format::checksum::{HeaderSeed, crc32c};
use crate::format::layout::{
    BLOCK_BYTES, FOOTER_KIND, FRONTIER_KIND, block_ceil, record, record_bytes,
};
use crate::format::record_header::kind_bits;
use crate::format::{Frontier, RecordHeader};
use crate::types::Lsn;

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// It is wanted.
    Lend,
    /// It is not wanted: its payload is not looked at.
    Pass,
    /// It is of an optional kind that this version does not know.
    PassUnknown,
    /// It must not be passed over.
    Refuse,
}

/// Bytes of a segment, and what is to be found in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Where in the segment the bytes start.
    pub(super) start: u64,
    /// Where in the bytes the first record starts, or what stands in front of it.
    pub(super) from: usize,
    /// The LSN of the first record, and the last LSN that is looked for.
    pub(super) first: Lsn,
    pub(super) last: Lsn,
    /// Where bytes of the segment end.
    pub(super) segment_end: u64,
    pub(super) seed: HeaderSeed,
    /// Which payloads are compared with their checksums.
    pub(super) payloads: Payloads,
}

/// Which payloads are compared with their checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payloads {
    /// Those of all records.
    All,
    /// Those that are wanted.
    Lent,
    /// None.
    None,
}

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Where in the segment the scan stopped.
    pub(crate) position: u64,
    /// The LSN of the record that comes next there.
    pub(crate) next: Lsn,
    /// How many records were looked at.
    pub(crate) records: u64,
    /// Records of unknown optional kinds among those passed.
    pub(crate) unknown: u64,
    /// Where the bytes must end for the scan to go on, when they ended too early.
    pub(crate) short_of: Option<u64>,
}

/// Goes from record to record, and notes in `found` where in the bytes the wanted ones start.
pub(super) fn scan(
    piece: &Piece<'_>,
    found: &mut Vec<usize>,
    mut pick: impl FnMut(&RecordHeader) -> Pick,
) -> Scanned {
    let bytes = piece.bytes;
    let room = piece.segment_end.saturating_sub(piece.start);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let (mut at, mut next, mut unknown, mut short_of) = (piece.from, piece.first, 0, None);
    while next <= piece.last {
        let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            short_of = Some(at + record::BYTES);
            break;
        };
        let kind = kind_bits(head);
        let header = match RecordHeader::decode(head, piece.seed) {
            Ok(header) if kind != FRONTIER_KIND => header,
            _ => match past_write_end(piece, head, at, next) {
                Some(behind) => {
                    at = behind;
                    continue;
                }
                None => break,
            },
        };
        let len = header.payload_len as usize;
        let end = at + record_bytes(len);
        if header.lsn != next || kind == FOOTER_KIND || end > room {
            break;
        }
        let picked = pick(&header);
        let is_checked = match picked {
            Pick::Refuse => break,
            Pick::Lend => piece.payloads != Payloads::None,
            Pick::Pass | Pick::PassUnknown => piece.payloads == Payloads::All,
        };
        if is_checked || picked == Pick::Lend {
            let from = at + record::BYTES;
            let Some(payload) = bytes.get(from..from + len) else {
                short_of = Some(end);
                break;
            };
            if is_checked && crc32c(payload) != header.payload_crc {
                break;
            }
        }
        match picked {
            Pick::Lend => found.push(at),
            Pick::PassUnknown => unknown += 1,
            Pick::Pass | Pick::Refuse => {}
        }
        at = end;
        next = next.next();
    }
    Scanned {
        position: piece.start + at as u64,
        next,
        records: next.value() - piece.first.value(),
        unknown,
        short_of: short_of.map(|end| piece.start + end as u64),
    }
}

/// Whether nothing but ends of writes stands between the place where a scan stopped and the end of the
/// bytes: it passed every record in them.
pub(super) fn reaches_end(piece: &Piece<'_>, scanned: &Scanned) -> bool {
    let bytes = piece.bytes;
    let mut at = usize::try_from(scanned.position - piece.start).unwrap_or(usize::MAX);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let behind = match rest.first_chunk() {
            Some(head) => past_write_end(piece, head, at, scanned.next),
            // No room for a record.
            None => Some(bytes.len()).filter(|_| rest.iter().all(|&byte| byte == 0)),
        };
        match behind {
            Some(behind) => at = behind,
            None => return false,
        }
    }
    at == bytes.len()
}

/// Where the next structure can stand behind a frontier, or behind the zeros that end a write, which
/// are at `at`.
fn past_write_end(
    piece: &Piece<'_>,
    head: &[u8; record::BYTES],
    at: usize,
    next: Lsn,
) -> Option<usize> {
    let position = piece.start + at as u64;
    if kind_bits(head) == FRONTIER_KIND {
        let frontier = Frontier::decode(head, position, piece.seed)?;
        return (frontier.last_lsn.next() == next).then_some(at + record::BYTES);
    }
    let to_block_end = usize::try_from(block_ceil(position) - position).unwrap_or(BLOCK_BYTES);
    let rest = piece.bytes.get(at..at + to_block_end)?;
    let is_end = !rest.is_empty() && rest.iter().all(|&byte| byte == 0);
    is_end.then_some(at + to_block_end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::checksum::Digest;
    use crate::format::layout::DATA_START;
    use crate::types::{CollectionTag, Epoch, RecordFlags, RecordKind, Scope, TenantId, Timestamp};

    const SALT: u64 = 7;

    fn record(lsn: u64, payload: &[u8]) -> Vec<u8> {
        let header = RecordHeader {
            payload_crc: crc32c(payload),
            payload_len: u32::try_from(payload.len()).unwrap(),
            kind: RecordKind::Put.code(),
            flags: RecordFlags::default(),
            lsn: Lsn::new(lsn),
            scope: Scope {
                tenant: TenantId::new(lsn % 2),
                ..Scope::default()
            },
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            timestamp: Timestamp::from_nanos(0),
        };
        let mut bytes = header.encode(HeaderSeed::of_salt(SALT)).to_vec();
        bytes.extend_from_slice(payload);
        bytes.resize(record_bytes(payload.len()), 0);
        bytes
    }

    fn frontier(position: usize, last_lsn: u64) -> [u8; record::BYTES] {
        let frontier = Frontier {
            position: DATA_START + position as u64,
            last_lsn: Lsn::new(last_lsn),
            durable_lsn: Lsn::ZERO,
            records: 0,
            write_number: 0,
            digest: Digest::EMPTY,
            start_lsn: Lsn::FIRST,
            timestamp: Timestamp::from_nanos(0),
        };
        frontier.encode(HeaderSeed::of_salt(SALT))
    }

    /// Records 1 and 2, a frontier, the rest of the block, records 3 and 4.
    fn written() -> Vec<u8> {
        let mut bytes = [record(1, &[1; 100]), record(2, &[])].concat();
        bytes.extend(frontier(bytes.len(), 2));
        bytes.resize(BLOCK_BYTES, 0);
        bytes.extend(record(3, &[3; 20]));
        bytes.extend(record(4, &[4; 5000]));
        bytes
    }

    fn scanned(bytes: &[u8], payloads: Payloads, pick: Pick) -> (Vec<usize>, Scanned) {
        let piece = Piece {
            bytes,
            start: DATA_START,
            from: 0,
            first: Lsn::FIRST,
            last: Lsn::new(4),
            segment_end: DATA_START + 16_384,
            seed: HeaderSeed::of_salt(SALT),
            payloads,
        };
        let mut found = Vec::new();
        let scanned = scan(&piece, &mut found, |_| pick);
        (found, scanned)
    }

    #[test]
    fn records_are_found_across_the_end_of_a_write() {
        let bytes = written();
        let (found, scanned) = scanned(&bytes, Payloads::All, Pick::Lend);
        assert_eq!(found, [0, 176, BLOCK_BYTES, BLOCK_BYTES + 96]);
        assert_eq!(scanned.next, Lsn::new(5));
        assert_eq!(scanned.position, DATA_START + bytes.len() as u64);
    }

    #[test]
    fn the_scan_stops_in_front_of_whatever_is_not_the_next_record() {
        let check = |at: usize, next: u64| {
            let mut bytes = written();
            bytes[at] ^= 1;
            let (_, scanned) = scanned(&bytes, Payloads::All, Pick::Lend);
            assert_eq!(scanned.next, Lsn::new(next), "byte {at}");
            assert_eq!(scanned.short_of, None, "byte {at}");
        };
        check(0, 1);
        check(64, 1);
        check(176 + 20, 2);
        check(240 + 20, 3);
        check(BLOCK_BYTES - 1, 3);
        check(BLOCK_BYTES + 96 + 64 + 4999, 4);
    }

    #[test]
    fn what_is_passed_over_needs_no_payload_and_what_is_wanted_does() {
        let bytes = written();
        let cut = &bytes[..bytes.len() - 1000];
        let (_, passed) = scanned(cut, Payloads::Lent, Pick::Pass);
        assert_eq!((passed.next, passed.short_of), (Lsn::new(5), None));
        let (_, lent) = scanned(cut, Payloads::None, Pick::Lend);
        let end = DATA_START + bytes.len() as u64;
        assert_eq!(lent.next, Lsn::new(4));
        assert!(
            lent.short_of
                .is_some_and(|needed| needed.abs_diff(end) < 16)
        );
        let (_, refused) = scanned(&bytes, Payloads::All, Pick::Refuse);
        assert_eq!(refused.next, Lsn::FIRST);
        let (_, unknown) = scanned(&bytes, Payloads::All, Pick::PassUnknown);
        assert_eq!(unknown.unknown, 4);
    }
}
