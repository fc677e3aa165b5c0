//! Typed payloads: one file per kind. The only user of `zerompk` and `rkyv`.

use crate::types::RecordKind;

/// Why a payload could not be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[error("placeholder")]
pub struct PayloadError;

/// A typed payload of one record kind.
pub trait Payload: Sized {
    /// The kind of record it is the payload of.
    const KIND: RecordKind;

    /// The collection it names, if it names one.
    fn collection(&self) -> Option<&str>;

    /// Appends the encoded payload to `out`.
    ///
    /// # Errors
    ///
    /// The payload cannot be encoded; `out` is as it was.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError>;

    /// The payload in `bytes`, all of which must be used.
    ///
    /// # Errors
    ///
    /// Says what was wrong and where.
    fn decode(bytes: &[u8]) -> Result<Self, PayloadError>;
}
