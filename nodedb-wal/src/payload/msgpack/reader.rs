//! A payload being read: a bounded cursor that names the field it could not read.

use std::borrow::Cow;

use zerompk::{FromMessagePack, Read as _, SliceReader};

use super::Field;
use super::wire::ArrayLen;
use crate::payload::PayloadError;
use crate::types::RecordKind;

/// How msgpack writes "nothing".
const NIL: u8 = 0xc0;

/// A payload being read, front to back. It names the field it could not read.
#[derive(Clone, Copy, Debug)]
pub(in crate::payload) struct Reader<'a> {
    kind: RecordKind,
    field: &'static str,
    len: usize,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads what every payload starts with: its version and the head of its array.
    pub(in crate::payload) fn open(
        kind: RecordKind,
        version_known: u8,
        fields: usize,
        bytes: &'a [u8],
    ) -> Result<Self, PayloadError> {
        let mut reader = Self {
            kind,
            field: "version",
            len: bytes.len(),
            rest: bytes,
        };
        let Some((&version, rest)) = bytes.split_first() else {
            return Err(reader.malformed("the payload is empty"));
        };
        if version != version_known {
            return Err(PayloadError::UnknownVersion {
                kind,
                version,
                version_known,
            });
        }
        reader.rest = rest;
        reader.field = "fields";
        reader.array_of(fields)?;
        Ok(reader)
    }

    /// Takes a field of the payload.
    pub(in crate::payload) fn field<T: Field<'a>>(
        &mut self,
        name: &'static str,
    ) -> Result<T, PayloadError> {
        self.field = name;
        T::take(self)
    }

    /// Takes the head of an array that must have exactly `len` values.
    pub(in crate::payload) fn array_of(&mut self, len: usize) -> Result<(), PayloadError> {
        let start = *self;
        let ArrayLen(found) = self.value()?;
        if found != len {
            return Err(start.malformed("the array has another number of values"));
        }
        Ok(())
    }

    /// Nothing may be left.
    pub(in crate::payload) fn finish(self) -> Result<(), PayloadError> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(PayloadError::TrailingBytes {
                kind: self.kind,
                offset: self.offset(),
                bytes,
            }),
        }
    }

    /// How many bytes were not read yet.
    pub(super) fn bytes_left(&self) -> usize {
        self.rest.len()
    }

    /// Whether what comes next is nothing.
    pub(super) fn next_is_nil(&self) -> bool {
        self.rest.first() == Some(&NIL)
    }

    /// Takes a value that holds no memory of the payload.
    pub(super) fn value<T>(&mut self) -> Result<T, PayloadError>
    where
        T: for<'x> FromMessagePack<'x>,
    {
        let mut rest = self.rest;
        let value =
            zerompk::read_msgpack_bufread(&mut rest).map_err(|source| self.malformed(source))?;
        self.rest = rest;
        Ok(value)
    }

    /// Takes a string in place.
    pub(super) fn text(&mut self) -> Result<&'a str, PayloadError> {
        match SliceReader::new(self.rest).read_string() {
            Ok(Cow::Borrowed(text)) => {
                self.pass(text.as_bytes());
                Ok(text)
            }
            Ok(Cow::Owned(_)) => Err(self.malformed("the text is not in the payload")),
            Err(source) => Err(self.malformed(source)),
        }
    }

    /// Takes bytes in place.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], PayloadError> {
        match SliceReader::new(self.rest).read_binary() {
            Ok(Cow::Borrowed(bytes)) => {
                self.pass(bytes);
                Ok(bytes)
            }
            Ok(Cow::Owned(_)) => Err(self.malformed("the bytes are not in the payload")),
            Err(source) => Err(self.malformed(source)),
        }
    }

    /// Moves behind `value`, which is a part of what is left.
    fn pass(&mut self, value: &'a [u8]) {
        let end = value.as_ptr().addr() - self.rest.as_ptr().addr() + value.len();
        self.rest = &self.rest[end..];
    }

    fn offset(&self) -> usize {
        self.len - self.rest.len()
    }

    /// The field that comes next cannot be used.
    pub(in crate::payload) fn malformed(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PayloadError {
        PayloadError::Malformed {
            kind: self.kind,
            field: self.field,
            offset: Some(self.offset()),
            source: source.into(),
        }
    }
}
