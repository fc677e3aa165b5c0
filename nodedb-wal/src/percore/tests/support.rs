//! What the tests share: logs on a simulated disk, rows, and what a merge brings.

use crate::Config;
use crate::payload::{Payload as _, Put};
use crate::percore::{CoreLogs, CoreWriter, CoresConfig, MergeOptions};
use crate::storage::sim::SimDisk;
use crate::types::{Epoch, Lsn, RecordKind, Scope, Timestamp};

pub(super) fn config(disk: &SimDisk, cores: u32) -> CoresConfig {
    let log = Config::on(disk.storage()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    CoresConfig::new(log.buffer_bytes(8 << 10), cores)
}

pub(super) fn open(disk: &SimDisk, cores: u32) -> (CoreLogs, Vec<CoreWriter>) {
    CoreLogs::open(config(disk, cores)).unwrap()
}

/// A row whose key is `number`, `len` bytes long.
pub(super) fn row(number: u64, len: usize) -> Put {
    Put {
        collection: "rows".to_owned(),
        key: number.to_be_bytes().to_vec(),
        value: vec![7; len],
    }
}

pub(super) fn put(writer: &mut CoreWriter, number: u64) -> Lsn {
    let row = row(number, 100);
    writer.append_payload(Scope::default(), &row).unwrap()
}

/// A record of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) epoch: Epoch,
    pub(super) timestamp: Timestamp,
    pub(super) core: u32,
    pub(super) lsn: Lsn,
    /// The row's number, of a row.
    pub(super) number: Option<u64>,
}

/// Everything a merge brings, having checked that it comes in order.
pub(super) fn merged(logs: &CoreLogs, options: &MergeOptions) -> Vec<Seen> {
    let mut merge = logs.merge(options).unwrap();
    let mut all = Vec::new();
    while let Some(next) = merge.next().unwrap() {
        let header = next.record.header;
        let is_row = header.kind == RecordKind::Put.code();
        let number = is_row.then(|| {
            let put = Put::decode(next.record.payload).unwrap();
            u64::from_be_bytes(put.key.try_into().unwrap())
        });
        all.push(Seen {
            epoch: header.epoch,
            timestamp: header.timestamp,
            core: next.core,
            lsn: header.lsn,
            number,
        });
    }
    assert_eq!(merge.stats().records, all.len() as u64);
    assert!(merge.next().unwrap().is_none());
    let key = |seen: &Seen| (seen.epoch, seen.timestamp, seen.core, seen.lsn);
    assert!(all.is_sorted_by_key(key), "{all:?}");
    all
}

/// The numbers of the rows, in the order in which they come.
pub(super) fn numbers(seen: &[Seen]) -> Vec<u64> {
    seen.iter().filter_map(|seen| seen.number).collect()
}
