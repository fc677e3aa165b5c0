//! What there is: records, what is on the disk, and what was said of it.

/// A record's number in the log.
pub(crate) type Lsn = u8;

/// What a write brings to the disk, piece by piece. Any of them may be lost by a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    /// A record; `id` tells it from another that once had the same LSN. Where the batch `continues`,
    /// the next one is of the same.
    Record { lsn: Lsn, id: u8, continues: bool },
    /// The end of a write: what its writer knew when the write was cut.
    Frontier { durable: Lsn, start: Lsn },
    /// Not what was written.
    Lost,
}

/// A segment on the disk. Pieces behind `whole` are on their way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Segment {
    pub(crate) first: Lsn,
    /// The start of the log when the segment was started.
    pub(crate) start: Lsn,
    pub(crate) pieces: Vec<Piece>,
    /// Records that survived behind a torn write and count as this segment's: none, but for a bug.
    pub(crate) stale: Vec<Piece>,
    /// How many pieces are durable.
    pub(crate) whole: usize,
    /// The last record, once it is sealed.
    pub(crate) sealed: Option<Lsn>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// Oldest first; the last one takes records.
    pub(crate) segments: Vec<Segment>,
    /// Appended, and in no write yet.
    pub(crate) filling: Vec<Piece>,
    /// The last record of the write on its way, if there is one.
    pub(crate) in_flight: Option<Lsn>,
    pub(crate) next: Lsn,
    pub(crate) durable: Lsn,
    /// The highest LSN whose commit said yes.
    pub(crate) acknowledged: Lsn,
    /// The oldest LSN the log promises to hold, and the one that is durable as such.
    pub(crate) start: Lsn,
    pub(crate) durable_start: Lsn,
    /// The start that the write on its way carries.
    pub(crate) start_in_flight: Lsn,
    /// The record behind each LSN, from 1 on, and whether its batch goes on: what may be found.
    pub(crate) ids: Vec<(u8, bool)>,
    /// Records appended in all histories of this state.
    pub(crate) appended: u8,
    pub(crate) crashes: u8,
    /// Whether a piece that was durable was spoiled since the log was opened.
    pub(crate) spoiled: Option<Piece>,
    /// The power is off, and recovery comes next.
    pub(crate) is_down: bool,
    /// Recovery refused.
    pub(crate) is_refused: bool,
}

impl State {
    pub(crate) fn new() -> Self {
        let segment = Segment {
            first: 1,
            start: 1,
            pieces: Vec::new(),
            stale: Vec::new(),
            whole: 0,
            sealed: None,
        };
        Self {
            segments: vec![segment],
            filling: Vec::new(),
            in_flight: None,
            next: 1,
            durable: 0,
            acknowledged: 0,
            start: 1,
            durable_start: 1,
            start_in_flight: 1,
            ids: Vec::new(),
            appended: 0,
            crashes: 0,
            spoiled: None,
            is_down: false,
            is_refused: false,
        }
    }

    /// The last record that was whole before the batch that `lsn` is of, or may be of.
    pub(crate) fn before_batch_of(&self, lsn: Lsn) -> Lsn {
        let continues = |lsn: &Lsn| self.ids.get(usize::from(*lsn) - 1).is_some_and(|id| id.1);
        let inside = (1..lsn).rev().take_while(continues).count();
        lsn - 1 - Lsn::try_from(inside).unwrap()
    }

    /// What frontiers of the last segment, or its header, say was durable.
    pub(crate) fn vouched(&self) -> Lsn {
        let last = self.segments.last().unwrap();
        let claims = last.pieces.iter().filter_map(|piece| match piece {
            Piece::Frontier { durable, .. } => Some(*durable),
            Piece::Record { .. } | Piece::Lost => None,
        });
        claims.max().unwrap_or(0).max(last.first - 1)
    }

    pub(crate) fn active(&mut self) -> &mut Segment {
        self.segments.last_mut().unwrap()
    }
}

/// How far histories go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) records: u8,
    pub(crate) crashes: u8,
    pub(crate) segments: usize,
    /// Somebody needs this record and all behind it.
    pub(crate) hold: Lsn,
}

/// A way in which the protocol could be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// A commit says yes when its write is cut.
    AcknowledgesBeforeSync,
    /// A frontier says that its own write is durable.
    ClaimsItself,
    /// A log that is opened goes on in the segment it found, with the same salt.
    GoesOnInOldSegment,
    /// A new segment is started while a write to the old one is on its way.
    RotatesBeforeDurable,
    /// A segment is removed before the log's new start is durable.
    RemovesBeforeStart,
    /// Truncation does not ask who still needs the records.
    IgnoresHold,
    /// Recovery drops everything behind the first damage, whatever frontiers say.
    CutsAtFirstDamage,
    /// Recovery keeps what there is of a batch.
    KeepsHalfBatch,
    /// A batch goes out in two writes.
    DividesBatch,
}
