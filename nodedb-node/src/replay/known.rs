//! What control records have said up to a record of the log: from the catalog, or found through
//! the footers of the segments.

use nodedb_wal::types::{Lsn, RecordKind};
use nodedb_wal::{ReadOptions, RecordView};

use super::ReplaySource;
use crate::control::{ControlRecord, ControlState};
use crate::error::Result;

/// The kinds that steer a replay.
const KINDS: [RecordKind; 6] = [
    RecordKind::CollectionTombstoned,
    RecordKind::WriteAborted,
    RecordKind::ArrayFlush,
    RecordKind::Checkpoint,
    RecordKind::CalvinApplied,
    RecordKind::CalvinSeal,
];

/// What control records have said, so far as replay goes by it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub(super) state: ControlState,
    /// The last record of which everything is known.
    pub(super) through: Lsn,
    /// What finding it out has read of the log's files, in bytes.
    pub(super) bytes_read: u64,
}

impl Known {
    /// What the catalog holds of the log up to and with the record `through`. No log is read.
    #[must_use]
    pub fn of(state: ControlState, through: Lsn) -> Self {
        Self {
            state,
            through,
            bytes_read: 0,
        }
    }

    /// Reads the control records of a log up to its last durable record. In sealed segments the
    /// footers tell where they are, and nothing else is read.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableControl`](crate::Error::UndecodableControl) names the first that cannot
    /// be understood. The log cannot be read.
    pub fn read(source: &dyn ReplaySource) -> Result<Self> {
        let through = source.last_lsn();
        if through < source.start_lsn() {
            return Ok(Self::of(ControlState::default(), through));
        }
        let options = ReadOptions::all().control_only().kinds(&KINDS);
        let mut records = source.read(options.until(through))?;
        let mut state = ControlState::default();
        while let Some(RecordView {
            header, payload, ..
        }) = records.next()?
        {
            if let Some(record) = ControlRecord::decode(&header, payload)? {
                state.apply(&record);
            }
        }
        Ok(Self {
            state,
            through,
            bytes_read: records.stats().bytes_read,
        })
    }

    /// What it says.
    #[must_use]
    pub fn state(&self) -> &ControlState {
        &self.state
    }

    /// The last record of which everything is known.
    #[must_use]
    pub fn through(&self) -> Lsn {
        self.through
    }
}
