//! Large payloads and the operations of a core, read in place: a 16-byte prefix, then an `rkyv`
//! archive whose root is its last bytes. With the payloads that use it, the only user of `rkyv`.
//!
//! | bytes | prefix | |
//! |---|---|---|
//! | 0 | version | |
//! | 1-3 | zero | |
//! | 4-7 | `u32` length of the archive in bytes | an archive that was cut, or to which bytes were added, can look whole |
//! | 8-15 | zero | |
//!
//! Payloads start 16-aligned in segment files and in the memory readers lend out, so the archive
//! does too and nothing is copied. Memory that is not aligned is copied into some that is.

mod macros;

use std::borrow::Cow;

use rkyv::api::high::{HighSerializer, HighValidator, to_bytes_in};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::ser::{Positional, Writer};
use rkyv::util::AlignedVec;
use rkyv::{Portable, Serialize};

use super::PayloadError;
use super::error::BrokenRule;
use crate::types::RecordKind;

pub(super) use macros::archived_payload;

/// How memory is aligned that is read in place.
const ALIGN_BYTES: usize = 16;
const PREFIX_BYTES: usize = 16;

/// Memory into which a payload is copied that was not aligned to 16 bytes, to be kept and used for
/// one payload after another. Payloads that a log's reader lends out are aligned and leave it empty.
#[derive(Debug, Default)]
pub struct AlignedScratch {
    memory: AlignedVec<ALIGN_BYTES>,
}

impl AlignedScratch {
    /// Memory for no bytes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `bytes`, or an aligned copy of them.
    fn aligned<'a>(&'a mut self, bytes: &'a [u8]) -> &'a [u8] {
        if is_aligned(bytes) {
            return bytes;
        }
        self.memory.clear();
        self.memory.extend_from_slice(bytes);
        &self.memory
    }
}

/// Appends a payload to `out`, which is as it was when there is an error.
pub(super) fn write<T>(
    kind: RecordKind,
    version: u8,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), PayloadError>
where
    T: for<'w, 'a> Serialize<HighSerializer<Body<'w>, ArenaHandle<'a>, rancor::Error>>,
{
    let start = out.len();
    let mut prefix = [0; PREFIX_BYTES];
    prefix[0] = version;
    out.extend_from_slice(&prefix);
    let body = Body {
        start: out.len(),
        out,
    };
    let len_bytes = to_bytes_in(value, body)
        .ok()
        .and_then(|body| u32::try_from(body.pos()).ok());
    let Some(len_bytes) = len_bytes else {
        out.truncate(start);
        let rule = BrokenRule {
            field: "payload",
            requirement: "must be shorter than 2 GiB",
        };
        return Err(rule.when_encoding(kind));
    };
    out[start + 4..start + 8].copy_from_slice(&len_bytes.to_le_bytes());
    Ok(())
}

/// The checked archive in a payload.
pub(super) fn access<'a, A>(
    kind: RecordKind,
    version_known: u8,
    bytes: &'a [u8],
    scratch: &'a mut AlignedScratch,
) -> Result<&'a A, PayloadError>
where
    A: Portable + for<'c> CheckBytes<HighValidator<'c, rancor::Error>>,
{
    let body = body(kind, version_known, bytes)?;
    access_aligned(kind, scratch.aligned(body))
}

/// The collection that a payload's checked archive names: in place where the memory is aligned.
pub(super) fn collection_in<'a, A>(
    kind: RecordKind,
    version_known: u8,
    bytes: &'a [u8],
    name: for<'x> fn(&'x A) -> &'x str,
) -> Result<Option<Cow<'a, str>>, PayloadError>
where
    A: Portable + for<'c> CheckBytes<HighValidator<'c, rancor::Error>> + 'a,
{
    let body = body(kind, version_known, bytes)?;
    if is_aligned(body) {
        return access_aligned(kind, body).map(|stored| Some(name(stored).into()));
    }
    let mut scratch = AlignedScratch::new();
    let stored = access_aligned(kind, scratch.aligned(body))?;
    Ok(Some(name(stored).to_owned().into()))
}

fn access_aligned<A>(kind: RecordKind, body: &[u8]) -> Result<&A, PayloadError>
where
    A: Portable + for<'c> CheckBytes<HighValidator<'c, rancor::Error>>,
{
    rkyv::access(body).map_err(|source: rancor::Error| PayloadError::Malformed {
        kind,
        field: "archive",
        offset: Some(PREFIX_BYTES),
        source: Box::new(source),
    })
}

fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().addr().is_multiple_of(ALIGN_BYTES)
}

/// The archive's bytes, behind a prefix that was checked.
fn body(kind: RecordKind, version_known: u8, bytes: &[u8]) -> Result<&[u8], PayloadError> {
    let malformed = |field, offset, what: &str| PayloadError::Malformed {
        kind,
        field,
        offset: Some(offset),
        source: what.into(),
    };
    let Some(&version) = bytes.first() else {
        return Err(malformed("version", 0, "the payload is empty"));
    };
    if version != version_known {
        return Err(PayloadError::UnknownVersion {
            kind,
            version,
            version_known,
        });
    }
    let Some((&[_, a, b, c, l0, l1, l2, l3, ref rest @ ..], body)) =
        bytes.split_first_chunk::<PREFIX_BYTES>()
    else {
        return Err(malformed(
            "prefix",
            0,
            "the payload is shorter than its prefix",
        ));
    };
    if [a, b, c] != [0; 3] {
        return Err(malformed("prefix", 1, "reserved bytes are not zero"));
    }
    if *rest != [0; 8] {
        return Err(malformed("prefix", 8, "reserved bytes are not zero"));
    }
    let len_bytes = u32::from_le_bytes([l0, l1, l2, l3]);
    let found = body.len() as u64;
    match found.cmp(&u64::from(len_bytes)) {
        std::cmp::Ordering::Equal => Ok(body),
        std::cmp::Ordering::Less => Err(malformed("archive", PREFIX_BYTES, "its end is missing")),
        std::cmp::Ordering::Greater => {
            let excess = found - u64::from(len_bytes);
            let bytes_over = usize::try_from(excess).unwrap_or(usize::MAX);
            Err(PayloadError::TrailingBytes {
                kind,
                offset: bytes.len() - bytes_over,
                bytes: bytes_over,
            })
        }
    }
}

/// Where an archive is being written: positions count from its own first byte, not from whatever
/// stands before it in the same buffer.
#[derive(Debug)]
pub(super) struct Body<'w> {
    start: usize,
    out: &'w mut Vec<u8>,
}

impl Positional for Body<'_> {
    fn pos(&self) -> usize {
        self.out.len() - self.start
    }
}

impl<E> Writer<E> for Body<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}
