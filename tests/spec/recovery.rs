//! What a log that is opened decides from what is on the disk, and what must be true of it then.

use crate::state::{Bounds, Bug, Lsn, Piece, Segment, State};

/// What a segment that is read to its end says.
struct Evidence {
    /// The whole records in a row, from the first, but for a batch that does not come to its end.
    records: Vec<u8>,
    last: Lsn,
    /// What had been durable, by anything whole, also behind damage.
    claimed: Lsn,
    start: Lsn,
}

fn examine(segment: &Segment, bug: Bug) -> Evidence {
    let mut found = Evidence {
        records: Vec::new(),
        last: segment.first - 1,
        claimed: segment.first - 1,
        start: segment.start,
    };
    let mut batch = 0;
    for piece in segment.pieces.iter().chain(&segment.stale) {
        match *piece {
            Piece::Record { lsn, id, continues } if lsn == found.last + 1 => {
                found.records.push(id);
                found.last = lsn;
                batch = if continues { batch + 1 } else { 0 };
            }
            // Behind a hole.
            Piece::Record { .. } | Piece::Lost => {}
            Piece::Frontier { durable, start } => {
                found.claimed = found.claimed.max(durable);
                found.start = found.start.max(start);
            }
        }
    }
    if bug != Bug::KeepsHalfBatch {
        found.records.truncate(found.records.len() - batch);
        found.last -= Lsn::try_from(batch).unwrap();
    }
    found
}

/// The log after it was opened, or the promise that is broken.
pub(crate) fn recover(state: &State, bounds: &Bounds, bug: Bug) -> Result<State, String> {
    let tail = examine(state.segments.last().unwrap(), bug);
    let says_damaged = tail.claimed > tail.last && bug != Bug::CutsAtFirstDamage;
    check_verdict(state, &tail, says_damaged)?;
    if says_damaged {
        return Ok(State {
            is_refused: true,
            ..state.clone()
        });
    }
    let first = state.segments[0].first;
    if first > tail.start {
        // The only frontier that says so may be what was spoiled: then nothing is lost, and the log
        // is not opened.
        let was_said =
            matches!(state.spoiled, Some(Piece::Frontier { start, .. }) if start >= first);
        if !was_said {
            return Err(format!("records before {first} are said to be missing"));
        }
        return Ok(State {
            is_refused: true,
            ..state.clone()
        });
    }
    let mut found = Vec::new();
    for pair in state.segments.windows(2) {
        let older = examine(&pair[0], bug);
        let last = pair[0].sealed.unwrap_or(pair[1].first - 1);
        if older.last < last {
            return Err(format!("records up to {last} are said to be missing"));
        }
        found.extend_from_slice(&older.records[..usize::from(last + 1 - pair[0].first)]);
    }
    found.extend(&tail.records);
    check_records(state, bounds, first, &found)?;
    Ok(opened(state, &tail, bug))
}

/// Damage is named exactly when something vouches for what is gone.
fn check_verdict(state: &State, tail: &Evidence, says_damaged: bool) -> Result<(), String> {
    let spoiled = match state.spoiled {
        Some(Piece::Record { lsn, .. }) => Some(lsn),
        _ => None,
    };
    match spoiled {
        None if says_damaged => Err("a torn tail is taken for damage".to_owned()),
        Some(lsn) if lsn <= tail.claimed && !says_damaged => {
            Err(format!("record {lsn} is vouched for, and dropped"))
        }
        _ => Ok(()),
    }
}

/// Every record that was acknowledged and is needed is there, and nothing that is not of the log.
fn check_records(state: &State, bounds: &Bounds, first: Lsn, found: &[u8]) -> Result<(), String> {
    for (lsn, id) in (first..).zip(found) {
        let appended = state.ids.get(usize::from(lsn) - 1);
        if appended.is_none_or(|appended| appended.0 != *id) {
            return Err(format!("record {lsn} was invented"));
        }
    }
    let needed_from = state.start.min(bounds.hold);
    if first > needed_from {
        return Err(format!("record {needed_from} is needed, and gone"));
    }
    let last = first - 1 + u8::try_from(found.len()).unwrap();
    // Damage to what no frontier vouches for cannot be told from a write that was cut off.
    let must = match state.spoiled {
        Some(Piece::Record { lsn, .. }) => state.acknowledged.min(state.before_batch_of(lsn)),
        _ => state.acknowledged,
    };
    if last > 0 && state.ids[usize::from(last) - 1].1 {
        return Err(format!("the batch of record {last} is there in part"));
    }
    if last < must {
        return Err(format!("record {must} was acknowledged, and is lost"));
    }
    Ok(())
}

fn opened(state: &State, tail: &Evidence, bug: Bug) -> State {
    let mut next = State {
        filling: Vec::new(),
        in_flight: None,
        next: tail.last + 1,
        durable: tail.last,
        acknowledged: tail.last.min(state.acknowledged),
        start: tail.start,
        durable_start: tail.start,
        start_in_flight: tail.start,
        spoiled: None,
        is_down: false,
        ..state.clone()
    };
    next.ids.truncate(usize::from(tail.last));
    let active = next.active();
    active.whole = active.pieces.len();
    if bug == Bug::GoesOnInOldSegment {
        go_on_in(active, tail.last);
        return next;
    }
    if tail.last < active.first {
        // Without a record in it, the segment makes room for the new one.
        next.segments.pop();
    } else {
        active.sealed = Some(tail.last);
    }
    next.segments.push(Segment {
        first: tail.last + 1,
        start: tail.start,
        pieces: Vec::new(),
        stale: Vec::new(),
        whole: 0,
        sealed: None,
    });
    next
}

/// The next write lands behind the last whole record, over what was lost, and what is behind that
/// stays, under the salt of the records to come.
fn go_on_in(segment: &mut Segment, last: Lsn) {
    let is_behind = |piece: &Piece| matches!(piece, Piece::Record { lsn, .. } if *lsn > last);
    segment.stale = segment.pieces.iter().copied().filter(is_behind).collect();
    segment.pieces.retain(|piece| !is_behind(piece));
    segment.whole = segment.pieces.len();
}
