//! Forms of msgpack for which `zerompk` has no type.

use zerompk::{FromMessagePack, ToMessagePack};

/// The head of an array.
pub(super) struct ArrayLen(pub(super) usize);

impl ToMessagePack for ArrayLen {
    fn write<W: zerompk::Write>(&self, writer: &mut W) -> zerompk::Result<()> {
        writer.write_array_len(self.0)
    }
}

impl<'a> FromMessagePack<'a> for ArrayLen {
    fn read<R: zerompk::Read<'a>>(reader: &mut R) -> zerompk::Result<Self> {
        reader.read_array_len().map(Self)
    }
}

/// Bytes in msgpack's binary form, not an array of numbers.
pub(super) struct Binary<'a>(pub(super) &'a [u8]);

impl ToMessagePack for Binary<'_> {
    fn write<W: zerompk::Write>(&self, writer: &mut W) -> zerompk::Result<()> {
        writer.write_binary(self.0)
    }
}
