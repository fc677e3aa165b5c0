//! An entry of the audit trail: a control record in bytes that always come out the same, so that
//! they can be compared and hashed, and its place in the chain.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{
    CollectionTag, DatabaseId, Epoch, KindCode, Lsn, RecordFlags, Scope, TenantId, Timestamp,
    VshardId,
};

use super::audit_chain::AuditDigest;
use super::record::ControlRecord;
use crate::error::Result;

/// Where an entry stands in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLink {
    /// The entry's number in the trail, from 1 on.
    pub number: u64,
    /// The digest over this entry and every one before it.
    pub digest: AuditDigest,
}

/// An entry of the audit trail.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The control record as it was written.
    pub record: ControlRecord,
    /// Its place in the chain; nothing while the catalog has not taken it in.
    pub link: Option<AuditLink>,
}

/// How long an entry's fixed part is.
const FIXED_BYTES: usize = 60;

/// The entry of a record: what its header says, and its payload as stored.
#[must_use]
pub fn audit_entry_bytes(header: &RecordHeader, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FIXED_BYTES + payload.len());
    write_audit_entry(header, payload, &mut bytes);
    bytes
}

/// The same, behind what `bytes` hold.
pub(crate) fn write_audit_entry(header: &RecordHeader, payload: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(header.lsn.value().to_le_bytes());
    bytes.extend(header.timestamp.as_nanos().to_le_bytes());
    bytes.extend(header.scope.tenant.value().to_le_bytes());
    bytes.extend(header.scope.database.value().to_le_bytes());
    bytes.extend(header.epoch.value().to_le_bytes());
    bytes.extend(header.scope.vshard.value().to_le_bytes());
    bytes.extend(header.collection.value().to_le_bytes());
    bytes.extend(header.kind.bits().to_le_bytes());
    bytes.extend(header.flags.bits().to_le_bytes());
    bytes.extend(header.payload_crc.to_le_bytes());
    bytes.extend(header.payload_len.to_le_bytes());
    bytes.extend_from_slice(payload);
}

/// The record of an entry's bytes; nothing when they are no entry.
///
/// # Errors
///
/// [`UndecodableControl`](crate::Error::UndecodableControl): the payload is not what its kind says.
pub fn audit_entry_record(bytes: &[u8]) -> Result<Option<ControlRecord>> {
    let Some((header, payload)) = split(bytes) else {
        return Ok(None);
    };
    ControlRecord::decode(&header, payload)
}

fn split(bytes: &[u8]) -> Option<(RecordHeader, &[u8])> {
    let mut rest = bytes;
    let lsn = Lsn::new(u64::from_le_bytes(take(&mut rest)?));
    let timestamp = Timestamp::from_nanos(i64::from_le_bytes(take(&mut rest)?));
    let tenant = TenantId::new(u64::from_le_bytes(take(&mut rest)?));
    let database = DatabaseId::new(u64::from_le_bytes(take(&mut rest)?));
    let epoch = Epoch::new(u64::from_le_bytes(take(&mut rest)?));
    let vshard = VshardId::new(u32::from_le_bytes(take(&mut rest)?));
    let collection = CollectionTag::from_value(u32::from_le_bytes(take(&mut rest)?));
    let kind = KindCode::from_bits(u16::from_le_bytes(take(&mut rest)?));
    let flags = RecordFlags::from_bits(u16::from_le_bytes(take(&mut rest)?));
    let payload_crc = u32::from_le_bytes(take(&mut rest)?);
    let payload_len = u32::from_le_bytes(take(&mut rest)?);
    let header = RecordHeader {
        payload_crc,
        payload_len,
        kind,
        flags,
        lsn,
        scope: Scope::new(tenant, database, vshard),
        collection,
        epoch,
        timestamp,
    };
    (rest.len() == payload_len as usize).then_some((header, rest))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use nodedb_wal::payload::{Hold, Payload as _};

    use super::*;

    #[test]
    fn an_entry_comes_back_as_it_was_and_a_shorter_or_longer_one_does_not() {
        let hold = Hold {
            name: "archive".to_owned(),
            needs: Some(Lsn::new(7)),
        };
        let mut payload = Vec::new();
        hold.encode(&mut payload).unwrap();
        let header = RecordHeader {
            payload_crc: 1,
            payload_len: u32::try_from(payload.len()).unwrap(),
            kind: nodedb_wal::RecordKind::Hold.code(),
            flags: RecordFlags::BATCH_CONTINUES,
            lsn: Lsn::new(2),
            scope: Scope::new(TenantId::new(3), DatabaseId::new(4), VshardId::new(5)),
            collection: CollectionTag::from_value(6),
            epoch: Epoch::new(7),
            timestamp: Timestamp::from_nanos(-8),
        };
        let bytes = audit_entry_bytes(&header, &payload);
        let record = audit_entry_record(&bytes).unwrap().unwrap();
        assert_eq!((record.header, &record.stored), (header, &payload));
        assert_eq!(record.payload, hold.into());
        for len in 0..bytes.len() {
            assert_eq!(split(&bytes[..len]), None, "{len}");
        }
        assert_eq!(split(&[bytes, vec![0]].concat()), None);
    }
}
