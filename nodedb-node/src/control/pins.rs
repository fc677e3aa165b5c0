//! What holds cost: how many bytes of old segments each of them keeps, and since when.

use nodedb_wal::SegmentExtent;
use nodedb_wal::types::{Lsn, Timestamp};

use super::Holds;

/// What one hold keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The hold's name.
    pub hold: String,
    /// The first record it needs; nothing while it has not said, which keeps every record.
    pub needs: Option<Lsn>,
    /// When it last moved.
    pub since: Timestamp,
    /// Bytes of the segments behind the active one that hold a record it needs. Other holds may
    /// keep the same segments: see [`Self::alone_bytes`].
    pub bytes: u64,
    /// Of those, the bytes of the segments that no other hold keeps: what would go if this one did.
    /// All of them for the only hold, because without any hold nothing goes, and nothing while
    /// another one has not said what it needs.
    pub alone_bytes: u64,
}

/// What each hold keeps of these segments, of which the last is the active one, which stays in any
/// case. The one that keeps most comes first.
#[must_use]
pub fn pins(holds: &Holds, segments: &[SegmentExtent]) -> Vec<Pin> {
    let all: Vec<(&str, Lsn)> = holds
        .iter()
        .map(|(name, hold)| (name, hold.needs.unwrap_or(Lsn::ZERO)))
        .collect();
    let mut pins: Vec<Pin> = holds
        .iter()
        .map(|(name, hold)| {
            let others = all.iter().filter(|(other, _)| *other != name);
            let lowest_other = others.map(|(_, needs)| *needs).min();
            let bytes = kept_bytes(segments, hold.needs.unwrap_or(Lsn::ZERO));
            let also_kept = lowest_other.map_or(0, |needs| kept_bytes(segments, needs));
            Pin {
                hold: name.to_owned(),
                needs: hold.needs,
                since: hold.since,
                bytes,
                alone_bytes: bytes.saturating_sub(also_kept),
            }
        })
        .collect();
    pins.sort_by_key(|pin| std::cmp::Reverse((pin.bytes, pin.needs.is_none())));
    pins
}

/// Bytes of the segments, the last excepted, that hold `needs` or a later record.
fn kept_bytes(segments: &[SegmentExtent], needs: Lsn) -> u64 {
    let with_next = segments.windows(2);
    with_next
        .filter(|pair| pair[1].first_lsn > needs)
        .map(|pair| pair[0].file_bytes)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(firsts: &[u64]) -> Vec<SegmentExtent> {
        firsts
            .iter()
            .map(|&first| SegmentExtent {
                first_lsn: Lsn::new(first),
                file_bytes: 100,
            })
            .collect()
    }

    fn check(holds: &[(&str, Option<u64>)], expected: &[(&str, u64, u64)]) {
        let mut state = Holds::default();
        for (name, needs) in holds {
            state.set(name, needs.map(Lsn::new), Timestamp::from_nanos(7));
        }
        // Records 1..=10, 11..=20, 21..=30, and 31 on in the active one.
        let found = pins(&state, &segments(&[1, 11, 21, 31]));
        let found: Vec<_> = found
            .iter()
            .map(|pin| (pin.hold.as_str(), pin.bytes, pin.alone_bytes))
            .collect();
        assert_eq!(found, expected, "{holds:?}");
    }

    #[test]
    fn a_hold_keeps_the_segments_from_the_one_it_needs_on_but_for_the_active_one() {
        check(&[], &[]);
        check(&[("a", Some(1))], &[("a", 300, 300)]);
        check(&[("a", Some(10))], &[("a", 300, 300)]);
        check(&[("a", Some(11))], &[("a", 200, 200)]);
        check(&[("a", Some(31))], &[("a", 0, 0)]);
        check(&[("a", None)], &[("a", 300, 300)]);
    }

    #[test]
    fn what_a_hold_keeps_alone_is_what_would_go_without_it() {
        check(
            &[("late", Some(25)), ("low", Some(5))],
            &[("low", 300, 200), ("late", 100, 0)],
        );
        check(
            &[("low", Some(5)), ("silent", None)],
            &[("silent", 300, 0), ("low", 300, 0)],
        );
    }
}
