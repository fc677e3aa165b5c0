//! What can be wrong with a payload, one variant per thing a caller might do about it.

use std::error::Error;

use crate::types::RecordKind;

/// Why a payload could not be encoded or decoded.
///
/// Offsets count from the payload's first byte.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload was written by another version of this program: read it with that one.
    #[error("{kind} payload has version {version}, this program reads version {version_known}")]
    UnknownVersion {
        /// The kind of the record.
        kind: RecordKind,
        /// The version the payload claims.
        version: u8,
        /// The version this program reads and writes.
        version_known: u8,
    },
    /// The bytes are not those of a payload of this kind.
    #[error("{kind} payload: cannot read `{field}`{}", at(*.offset))]
    Malformed {
        /// The kind of the record.
        kind: RecordKind,
        /// The field that could not be read, or that breaks a rule.
        field: &'static str,
        /// Where the field starts, if that is known.
        offset: Option<usize>,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The payload is whole, but something follows it.
    #[error("{kind} payload: {bytes} bytes too many from byte {offset} on")]
    TrailingBytes {
        /// The kind of the record.
        kind: RecordKind,
        /// Where the payload ends.
        offset: usize,
        /// How many bytes follow.
        bytes: usize,
    },
    /// The payload to be written breaks a rule: the caller has to change it.
    #[error("{kind} payload cannot be written: `{field}` {requirement}")]
    Unencodable {
        /// The kind of the record.
        kind: RecordKind,
        /// The field that breaks the rule.
        field: &'static str,
        /// The rule.
        requirement: &'static str,
    },
}

impl PayloadError {
    /// The kind of the record whose payload it is about.
    #[must_use]
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::UnknownVersion { kind, .. }
            | Self::Malformed { kind, .. }
            | Self::TrailingBytes { kind, .. }
            | Self::Unencodable { kind, .. } => *kind,
        }
    }
}

/// ` at byte 7`, or nothing.
fn at(offset: Option<usize>) -> String {
    offset.map_or_else(String::new, |offset| format!(" at byte {offset}"))
}

/// A rule that a payload's values break, whichever way they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct BrokenRule {
    /// The field that breaks it.
    pub(super) field: &'static str,
    /// What the field must be, as the end of a sentence that starts with its name.
    pub(super) requirement: &'static str,
}

impl BrokenRule {
    /// The rule was broken by a caller's payload.
    pub(super) fn when_encoding(self, kind: RecordKind) -> PayloadError {
        PayloadError::Unencodable {
            kind,
            field: self.field,
            requirement: self.requirement,
        }
    }

    /// The rule was broken by stored bytes.
    pub(super) fn when_decoding(self, kind: RecordKind) -> PayloadError {
        PayloadError::Malformed {
            kind,
            field: self.field,
            offset: None,
            source: format!("`{}` {}", self.field, self.requirement).into(),
        }
    }
}
