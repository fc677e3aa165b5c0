//! Encoding and decoding as every check here does it.

use crate::payload::{AnyPayload, PayloadError};
use crate::storage::AlignedBuf;
use crate::types::RecordKind;

pub(super) fn encoded(payload: &AnyPayload) -> Vec<u8> {
    let mut bytes = Vec::new();
    payload.encode(&mut bytes).expect("it can be encoded");
    bytes
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes at every distance from an aligned address, which must not matter.
pub(super) fn decode_anywhere(kind: RecordKind, bytes: &[u8]) -> Result<AnyPayload, PayloadError> {
    let at = |shift: usize| {
        let mut memory = AlignedBuf::zeroed(bytes.len() + shift);
        memory.as_mut_slice()[shift..shift + bytes.len()].copy_from_slice(bytes);
        AnyPayload::decode(kind, &memory.as_slice()[shift..shift + bytes.len()])
    };
    let aligned = at(0);
    for shift in [1, 4, 8] {
        let shifted = at(shift);
        assert_eq!(aligned.is_ok(), shifted.is_ok(), "{kind} {shift} bytes off");
    }
    aligned
}
