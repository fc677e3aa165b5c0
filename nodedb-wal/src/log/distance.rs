//! How many bytes of log there are from a record on, told by lengths and one footer: no record is
//! read.

use super::log_handle::Log;
use super::reader::Reader;
use super::report::SegmentInfo;
use super::view::View;
use crate::error::{Error, Result};
use crate::format::footer::SegmentIndex;
use crate::segment::SegmentEntry;
use crate::types::Lsn;

/// The segment that has no trailer yet.
struct Unsealed {
    first_lsn: Lsn,
    /// Where its last record ends.
    end: u64,
    index: Option<SegmentIndex>,
}

impl Log {
    /// Bytes of the log's records from `lsn` on to the last one appended, and of what was written
    /// between them; 0 for the next record. Of the segment that holds `lsn` they are counted from
    /// the zone on that holds it, which makes them up to 256 KiB more, or a record that is longer
    /// than that. Reads one footer.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`](crate::Error::Truncated) when the record is gone.
    pub fn bytes_from(&self, lsn: Lsn) -> Result<u64> {
        let mut state = self.core.state.lock();
        // What is full is sealed in a moment, and has a footer then.
        self.core.finish_sealing(&mut state);
        let unsealed = state.active.as_ref().map(|active| Unsealed {
            first_lsn: active.entry.header().first_lsn,
            end: state.filling.position(),
            index: active.index.outline(),
        });
        let last = state.next_lsn.previous();
        drop(state);
        bytes_from(&self.core.view, unsealed.as_ref(), lsn, last)
    }
}

impl Reader {
    /// Bytes from a record on, as [`Log::bytes_from`] tells them. A last segment that is not sealed
    /// is read to find its end, and is counted from its start.
    ///
    /// # Errors
    ///
    /// As [`Log::bytes_from`]; that segment could not be read.
    pub fn bytes_from(&self, lsn: Lsn) -> Result<u64> {
        let segments = self.view.segments();
        let unsealed = segments.last().filter(|last| last.trailer().is_none());
        let unsealed = unsealed.map(|entry| SegmentInfo::of(entry)).transpose()?;
        let unsealed = unsealed.map(|info| Unsealed {
            first_lsn: info.first_lsn,
            end: info.data_bytes,
            index: None,
        });
        bytes_from(&self.view, unsealed.as_ref(), lsn, self.view.durable())
    }
}

fn bytes_from(view: &View, unsealed: Option<&Unsealed>, lsn: Lsn, last: Lsn) -> Result<u64> {
    if lsn > last {
        return Ok(0);
    }
    let segments = view.segments();
    let after = segments.partition_point(|entry| entry.header().first_lsn <= lsn);
    let Some((holding, behind)) = after
        .checked_sub(1)
        .and_then(|at| segments.get(at..))
        .and_then(<[_]>::split_first)
    else {
        let start = view.start();
        return Err(Error::Truncated { lsn, start });
    };
    let end = |entry: &SegmentEntry| match (entry.trailer(), unsealed) {
        (Some(trailer), _) => trailer.data_end,
        (None, Some(active)) if active.first_lsn == entry.header().first_lsn => active.end,
        // Full, and sealed in a moment.
        (None, _) => entry.file_bytes(),
    };
    let here = end(holding).saturating_sub(zone_of(holding, unsealed, lsn));
    Ok(behind.iter().map(|entry| end(entry)).sum::<u64>() + here)
}

/// Where the zone starts that holds a record of the segment. A damaged footer only costs precision.
fn zone_of(entry: &SegmentEntry, unsealed: Option<&Unsealed>, lsn: Lsn) -> u64 {
    let footer = entry.index().ok().flatten();
    let own = unsealed.filter(|active| active.first_lsn == entry.header().first_lsn);
    let index = footer.as_ref().or(own.and_then(|own| own.index.as_ref()));
    let zones = index
        .map(|index| index.zones.as_slice())
        .unwrap_or_default();
    let after = zones.partition_point(|zone| zone.first_lsn <= lsn);
    let zone = after.checked_sub(1).and_then(|at| zones.get(at));
    zone.map_or(0, |zone| zone.offset)
}
