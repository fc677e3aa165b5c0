//! A payload being written.

use zerompk::ToMessagePack;

use super::Field;
use super::wire::ArrayLen;
use crate::payload::PayloadError;
use crate::payload::error::BrokenRule;
use crate::types::RecordKind;

/// Appends a payload to `out`, which is as it was when there is an error.
pub(in crate::payload) fn write(
    kind: RecordKind,
    version: u8,
    fields: usize,
    out: &mut Vec<u8>,
    write_fields: impl FnOnce(&mut Writer<'_>) -> Result<(), PayloadError>,
) -> Result<(), PayloadError> {
    let start = out.len();
    out.push(version);
    let mut writer = Writer {
        kind,
        field: "fields",
        out,
    };
    let result = writer
        .array_len(fields)
        .and_then(|()| write_fields(&mut writer));
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// A payload being written.
#[derive(Debug)]
pub(in crate::payload) struct Writer<'o> {
    kind: RecordKind,
    field: &'static str,
    out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    /// Appends a field of the payload.
    pub(in crate::payload) fn field<'a>(
        &mut self,
        name: &'static str,
        value: &impl Field<'a>,
    ) -> Result<(), PayloadError> {
        self.field = name;
        value.put(self)
    }

    /// Appends the head of an array.
    pub(in crate::payload) fn array_len(&mut self, len: usize) -> Result<(), PayloadError> {
        self.check_len(len)?;
        self.value(&ArrayLen(len))
    }

    /// Lengths have 32 bits.
    pub(super) fn check_len(&self, len: usize) -> Result<(), PayloadError> {
        match u32::try_from(len) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.unencodable("must be shorter than 4 GiB")),
        }
    }

    /// Appends a value.
    pub(super) fn value(&mut self, value: &impl ToMessagePack) -> Result<(), PayloadError> {
        // Writing to memory does not fail; the lengths were checked.
        zerompk::write_msgpack(self.out, value)
            .map_err(|_| self.unencodable("must have a msgpack form"))
    }

    fn unencodable(&self, requirement: &'static str) -> PayloadError {
        BrokenRule {
            field: self.field,
            requirement,
        }
        .when_encoding(self.kind)
    }
}
