//! What can happen next. Each action is one step that a crash cannot divide.

use crate::recovery::recover;
use crate::state::{Bounds, Bug, Lsn, Piece, Segment, State};

/// How many records a batch has at most.
const BATCH_MAX: u8 = 2;

/// Every state that can follow, or how a promise was broken on the way.
pub(crate) fn next(state: &State, bounds: &Bounds, bug: Bug) -> Result<Vec<State>, String> {
    if state.is_refused {
        return Ok(Vec::new());
    }
    if state.is_down {
        return recover(state, bounds, bug).map(|recovered| vec![recovered]);
    }
    let mut all = Vec::new();
    let mut add = |next: Option<State>| all.extend(next);
    for records in 1..=BATCH_MAX {
        add(append(state, records, bounds));
    }
    add(cut(state, bug));
    add(vouch(state));
    add(complete(state));
    add(acknowledge(state, bug));
    add(rotate(state, bounds, bug));
    add(seal(state));
    for start in state.start + 1..=state.durable + 1 {
        add(truncate(state, start, bounds, bug));
    }
    add(remove(state, bug));
    if state.crashes < bounds.crashes {
        all.extend(crashes(state));
    }
    Ok(all)
}

/// Appends records that stand or fall together.
pub(crate) fn append(state: &State, records: u8, bounds: &Bounds) -> Option<State> {
    let mut next = state.clone();
    (state.appended + records <= bounds.records).then_some(())?;
    for left in (0..records).rev() {
        next.appended += 1;
        let (id, continues) = (next.appended, left > 0);
        next.ids.push((id, continues));
        next.filling.push(Piece::Record {
            lsn: next.next,
            id,
            continues,
        });
        next.next += 1;
    }
    Some(next)
}

/// A write is cut, and is on its way from then on.
pub(crate) fn cut(state: &State, bug: Bug) -> Option<State> {
    let has_news = !state.filling.is_empty() || state.start > state.durable_start;
    has_news.then(|| send(state, bug)).flatten()
}

/// Nothing was written for a while: one more frontier says that the last write was durable.
pub(crate) fn vouch(state: &State) -> Option<State> {
    let is_needed = state.filling.is_empty() && state.vouched() < state.durable;
    is_needed.then(|| send(state, Bug::None)).flatten()
}

fn send(state: &State, bug: Bug) -> Option<State> {
    state.in_flight.is_none().then_some(())?;
    let mut next = state.clone();
    let mut records = std::mem::take(&mut next.filling);
    if bug == Bug::DividesBatch && records.len() > 1 {
        next.filling = records.split_off(1);
    }
    let last = state.next - 1 - Lsn::try_from(next.filling.len()).unwrap();
    let claims_itself = bug == Bug::ClaimsItself;
    let frontier = Piece::Frontier {
        durable: if claims_itself { last } else { state.durable },
        start: state.start,
    };
    let pieces = &mut next.active().pieces;
    pieces.extend(records);
    pieces.push(frontier);
    next.in_flight = Some(last);
    next.start_in_flight = state.start;
    Some(next)
}

/// The write on its way has arrived.
pub(crate) fn complete(state: &State) -> Option<State> {
    let last = state.in_flight?;
    let mut next = state.clone();
    for segment in &mut next.segments {
        segment.whole = segment.pieces.len();
    }
    next.in_flight = None;
    next.durable = last;
    next.durable_start = state.start_in_flight;
    Some(next)
}

/// Whoever waits is told.
pub(crate) fn acknowledge(state: &State, bug: Bug) -> Option<State> {
    let early = state
        .in_flight
        .filter(|_| bug == Bug::AcknowledgesBeforeSync);
    let acknowledged = early.unwrap_or(state.durable);
    (acknowledged > state.acknowledged).then(|| State {
        acknowledged,
        ..state.clone()
    })
}

/// A new segment is started; the old one is sealed in a step of its own.
pub(crate) fn rotate(state: &State, bounds: &Bounds, bug: Bug) -> Option<State> {
    let is_quiet = state.in_flight.is_none() || bug == Bug::RotatesBeforeDurable;
    let has_records = state.segments.last()?.first < state.next;
    let may = is_quiet
        && has_records
        && state.filling.is_empty()
        && state.segments.len() < bounds.segments;
    may.then_some(())?;
    let mut next = state.clone();
    next.segments.push(Segment {
        first: state.next,
        start: state.start,
        pieces: Vec::new(),
        stale: Vec::new(),
        whole: 0,
        sealed: None,
    });
    next.durable_start = state.start;
    Some(next)
}

/// The oldest segment that is not the last and has no seal yet gets it.
pub(crate) fn seal(state: &State) -> Option<State> {
    let at = state.segments.iter().position(|s| s.sealed.is_none())?;
    let behind = state.segments.get(at + 1)?.first;
    let mut next = state.clone();
    next.segments[at].sealed = Some(behind - 1);
    Some(next)
}

pub(crate) fn truncate(state: &State, start: Lsn, bounds: &Bounds, bug: Bug) -> Option<State> {
    let is_free = start <= bounds.hold || bug == Bug::IgnoresHold;
    is_free.then(|| State {
        start,
        ..state.clone()
    })
}

/// The oldest segment goes, when the log's start is behind it.
pub(crate) fn remove(state: &State, bug: Bug) -> Option<State> {
    let second = state.segments.get(1)?.first;
    let start = if bug == Bug::RemovesBeforeStart {
        state.start
    } else {
        state.durable_start
    };
    (second <= start).then(|| {
        let mut next = state.clone();
        next.segments.remove(0);
        next
    })
}

/// The power is off, and nothing is lost.
pub(crate) fn power_off(state: &State) -> State {
    State {
        is_down: true,
        crashes: state.crashes.saturating_add(1),
        spoiled: None,
        ..state.clone()
    }
}

/// The power goes: of the pieces on their way any may be lost; and at most one that was durable is
/// spoiled, in the last segment.
fn crashes(state: &State) -> Vec<State> {
    let down = power_off(state);
    let at = down.segments.iter().position(|s| s.whole < s.pieces.len());
    let mut all = vec![down];
    if let Some(at) = at {
        let segment = &state.segments[at];
        for piece in segment.whole..segment.pieces.len() {
            let lost = all.clone().into_iter().map(|mut state| {
                state.segments[at].pieces[piece] = Piece::Lost;
                state
            });
            all.extend(lost.collect::<Vec<_>>());
        }
    }
    let whole = state.segments.last().map_or(0, |segment| segment.whole);
    let torn = all.clone();
    for piece in 0..whole {
        all.extend(torn.iter().cloned().map(|mut state| {
            let spoiled = &mut state.active().pieces[piece];
            let was = std::mem::replace(spoiled, Piece::Lost);
            state.spoiled = (was != Piece::Lost).then_some(was);
            state
        }));
    }
    all
}
