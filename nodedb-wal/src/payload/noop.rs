//! A record that says nothing.

use super::{Payload, PayloadError};
use crate::types::RecordKind;

/// Nothing: the payload of a record that only keeps a place. It has no bytes, not even a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Noop;

impl Payload for Noop {
    const KIND: RecordKind = RecordKind::Noop;

    fn collection(&self) -> Option<&str> {
        None
    }

    fn encode(&self, _: &mut Vec<u8>) -> Result<(), PayloadError> {
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        match bytes.len() {
            0 => Ok(Self),
            bytes => Err(PayloadError::TrailingBytes {
                kind: Self::KIND,
                offset: 0,
                bytes,
            }),
        }
    }
}
