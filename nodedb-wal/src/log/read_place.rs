//! The segment a read is in, and how far it has come there.

use std::sync::Arc;

use super::read_filter::Picker;
use super::read_route::Route;
use super::view::Placed;
use crate::segment::{Chunk, SegmentEntry, Stretch, Walk};
use crate::types::Lsn;

/// How many bytes are brought in at a time where no footer says what lies ahead: little at first, for
/// whoever follows the end of the log, and twice as much each time, for whoever reads on.
const LEAST_BYTES: u64 = 64 << 10;
const MOST_BYTES: u64 = 1 << 20;

/// The segment being read.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) entry: Arc<SegmentEntry>,
    /// Stands where the next record is, or what is in front of it.
    pub(super) walk: Walk,
    /// The last record the segment can hold; `None` while it is the active one.
    pub(super) last_lsn: Option<Lsn>,
    /// Which parts of the segment are still to be looked at.
    pub(super) route: Route,
    next_bytes: u64,
}

impl Place {
    pub(super) fn new(placed: Placed, walk: Walk, route: Route) -> Self {
        Self {
            entry: placed.entry,
            walk,
            last_lsn: placed.last_lsn,
            route,
            next_bytes: LEAST_BYTES,
        }
    }

    /// Brings in what comes next, records up to `last` in it; how many bytes were read.
    pub(super) fn load(&mut self, chunk: &mut Chunk, last: Lsn, picker: &mut Picker) -> u64 {
        let source = self.walk.source(picker.drops_behind());
        let payloads = picker.payloads();
        let (from, first) = (self.walk.position(), self.walk.expected());
        let mut load = |to: u64| {
            let to = to.min(source.end);
            let stretch = Stretch {
                from,
                to,
                first,
                last,
                parts: None,
            };
            let bytes = chunk.load(&source, &stretch, payloads, |header| picker.pick(header));
            (bytes, chunk.scanned())
        };
        let to = from + self.next_bytes;
        let (mut bytes, scanned) = load(to);
        let short = scanned.and_then(|scanned| Some((scanned.next, scanned.short_of?)));
        self.next_bytes = match short {
            Some(_) => (2 * self.next_bytes).min(MOST_BYTES),
            None => LEAST_BYTES,
        };
        // Not even one record: it is longer than that.
        if let Some((next, end)) = short
            && next == first
            && to < end
            && end <= source.end
        {
            bytes += load(end).0;
        }
        bytes
    }
}
