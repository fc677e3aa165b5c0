//! How ids, LSNs, kinds and times are written as arguments.

use std::num::ParseIntError;

use nodedb_wal::types::{DatabaseId, Epoch, Lsn, RecordKind, TenantId, Timestamp, VshardId};

use super::ingest::formats::parse_time;

pub(super) fn lsn(text: &str) -> Result<Lsn, ParseIntError> {
    text.parse().map(Lsn::new)
}

pub(super) fn tenant(text: &str) -> Result<TenantId, ParseIntError> {
    text.parse().map(TenantId::new)
}

pub(super) fn database(text: &str) -> Result<DatabaseId, ParseIntError> {
    text.parse().map(DatabaseId::new)
}

pub(super) fn vshard(text: &str) -> Result<VshardId, ParseIntError> {
    text.parse().map(VshardId::new)
}

pub(super) fn epoch(text: &str) -> Result<Epoch, ParseIntError> {
    text.parse().map(Epoch::new)
}

/// The epoch of transactions, which is from 1 on.
pub(super) fn calvin_epoch(text: &str) -> Result<Epoch, String> {
    match epoch(text) {
        Ok(Epoch::NONE) => Err("the epochs of transactions start at 1".to_owned()),
        Ok(epoch) => Ok(epoch),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn kind(name: &str) -> Result<RecordKind, String> {
    RecordKind::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = RecordKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| "a time is written as 2026-11-21T12:00:00Z".to_owned())
}
