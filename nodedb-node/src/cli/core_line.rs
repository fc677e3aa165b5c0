//! A record of one of several cores, one a line.

use nodedb_wal::format::RecordHeader;
use serde::Serialize;

use super::answer::Answer;
use super::text;

/// One record, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct CoreLine {
    core: u32,
    sequence: u64,
    epoch: u64,
    timestamp: String,
    kind: String,
    tenant: u64,
    database: u64,
    vshard: u32,
    payload_bytes: u32,
}

impl CoreLine {
    pub(super) fn new(core: u32, header: &RecordHeader) -> Self {
        Self {
            core,
            sequence: header.lsn.value(),
            epoch: header.epoch.value(),
            timestamp: text::time(header.timestamp),
            kind: header.kind.to_string(),
            tenant: header.scope.tenant.value(),
            database: header.scope.database.value(),
            vshard: header.scope.vshard.value(),
            payload_bytes: header.payload_len,
        }
    }
}

impl Answer for CoreLine {
    fn text(&self) -> String {
        format!(
            "epoch={:<6} {:<30}  core={:<4} {:>10}  {:<16} {}/{}/{} {} B",
            self.epoch,
            self.timestamp,
            self.core,
            self.sequence,
            self.kind,
            self.tenant,
            self.database,
            self.vshard,
            self.payload_bytes,
        )
    }
}
