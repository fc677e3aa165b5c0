//! What may be appended as a payload: a typed one, or bytes.

use nodedb_wal::payload::Payload;
use nodedb_wal::{Epoch, Record, Scope};

use crate::error::{Error, Result};

/// A payload to be appended as a record of `P`'s kind.
///
/// Made by `into()`, so that appends take `&Put { .. }` and `&[u8]` alike.
#[derive(Debug)]
pub enum Input<'a, P> {
    /// A typed payload, which is encoded.
    Typed(&'a P),
    /// Raw bytes of the caller, stored as they are. The record names no collection, so that
    /// tombstones do not hide it, and is marked, so that nobody takes it for a typed payload.
    Raw(&'a [u8]),
}

impl<P> Clone for Input<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Input<'_, P> {}

impl<'a, P> From<&'a P> for Input<'a, P> {
    fn from(payload: &'a P) -> Self {
        Self::Typed(payload)
    }
}

impl<'a, P> From<&'a [u8]> for Input<'a, P> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a, P: Payload> Input<'a, P> {
    /// The record of this payload; a typed one is encoded into `buffer`, whose content is dropped.
    pub(super) fn record(
        self,
        scope: Scope,
        epoch: Epoch,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Record<'a>> {
        let record = match self {
            Self::Typed(payload) => payload.record(scope, buffer)?,
            Self::Raw(bytes) => Record::raw(P::KIND, scope, bytes),
        };
        let epoch = one_epoch(epoch, record.epoch)?;
        Ok(record.in_epoch(epoch))
    }
}

/// The epoch of a record: the caller's, or the payload's own; both only where they agree.
fn one_epoch(scope: Epoch, payload: Epoch) -> Result<Epoch> {
    if payload == Epoch::NONE {
        return Ok(scope);
    }
    if scope == Epoch::NONE || scope == payload {
        return Ok(payload);
    }
    Err(Error::EpochMismatch { scope, payload })
}
