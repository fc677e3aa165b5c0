//! How each type of value is written and read.

use super::wire::{ArrayLen, Binary};
use super::{Reader, Writer};
use crate::payload::PayloadError;
use crate::types::{DatabaseId, Epoch, KindCode, Lsn, TenantId, Timestamp, VshardId};

/// Elements for which room is made before the first of them was read.
const ELEMENTS_AHEAD_MAX: usize = 256;

/// A value that can stand in a payload.
pub(in crate::payload) trait Field<'a>: Sized {
    /// No encoding of the value is shorter.
    const BYTES_MIN: usize = 1;

    /// Appends the value.
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError>;

    /// Takes the value from the front.
    fn take(reader: &mut Reader<'a>) -> Result<Self, PayloadError>;
}

/// A value of which a payload may hold a list. Bytes are not: they have a form of their own.
pub(in crate::payload) trait Element {}

macro_rules! number {
    ($($number:ty),+) => {
        $(impl Field<'_> for $number {
            fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
                writer.value(self)
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
                reader.value()
            }
        })+
    };
}

number!(u16, u32, u64, i64);

macro_rules! named_number {
    ($($name:ident($number:ty) = $from:ident, $to:ident;)+) => {
        $(impl Field<'_> for $name {
            fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
                self.$to().put(writer)
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
                <$number>::take(reader).map(Self::$from)
            }
        })+
    };
}

named_number! {
    Lsn(u64) = new, value;
    Epoch(u64) = new, value;
    TenantId(u64) = new, value;
    DatabaseId(u64) = new, value;
    VshardId(u32) = new, value;
    KindCode(u16) = from_bits, bits;
    Timestamp(i64) = from_nanos, as_nanos;
}

impl<'a> Field<'a> for &'a str {
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        writer.check_len(self.len())?;
        writer.value(self)
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self, PayloadError> {
        reader.text()
    }
}

impl Field<'_> for String {
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        self.as_str().put(writer)
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        reader.text().map(str::to_owned)
    }
}

impl Field<'_> for Vec<u8> {
    const BYTES_MIN: usize = 2;

    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        writer.check_len(self.len())?;
        writer.value(&Binary(self))
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        reader.bytes().map(<[u8]>::to_vec)
    }
}

/// Nil, or the value.
impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        match self {
            Some(value) => value.put(writer),
            None => writer.value(&()),
        }
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self, PayloadError> {
        if reader.next_is_nil() {
            return reader.value::<()>().map(|()| None);
        }
        T::take(reader).map(Some)
    }
}

impl Element for i64 {}
impl Element for KindCode {}
impl<T: Element> Element for Vec<T> {}

impl<'a, T: Field<'a> + Element> Field<'a> for Vec<T> {
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        writer.array_len(self.len())?;
        self.iter().try_for_each(|value| value.put(writer))
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self, PayloadError> {
        let start = *reader;
        let ArrayLen(len) = reader.value()?;
        if len > reader.bytes_left() / T::BYTES_MIN {
            return Err(start.malformed("the list declares more values than there are bytes"));
        }
        let mut values = Self::with_capacity(len.min(ELEMENTS_AHEAD_MAX));
        for _ in 0..len {
            values.push(T::take(reader)?);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::msgpack::write;
    use crate::types::RecordKind;

    #[derive(zerompk::ToMessagePack)]
    #[msgpack(array)]
    struct Derived {
        #[msgpack(key = 0)]
        text: String,
        #[msgpack(key = 1)]
        bytes: Vec<u8>,
        #[msgpack(key = 2)]
        number: Option<u64>,
        #[msgpack(key = 3)]
        list: Vec<i64>,
    }

    #[test]
    fn the_bytes_are_those_of_the_libraries_own_array_form() -> Result<(), PayloadError> {
        let value = Derived {
            text: "ö".repeat(20),
            bytes: vec![7; 300],
            number: None,
            list: vec![-1, 1 << 40],
        };
        let mut ours = Vec::new();
        write(RecordKind::Put, 1, 4, &mut ours, |writer| {
            writer.field("text", &value.text)?;
            writer.field("bytes", &value.bytes)?;
            writer.field("number", &value.number)?;
            writer.field("list", &value.list)
        })?;
        let theirs = zerompk::to_msgpack_vec(&value).expect("it has a form");
        assert_eq!(ours[1..], theirs);
        Ok(())
    }

    #[test]
    fn a_list_is_held_against_the_bytes_that_are_there() {
        // An array of 2^32 - 1 numbers, of which none is there.
        let bytes = [1, 0x91, 0xdd, 0xff, 0xff, 0xff, 0xff];
        let mut reader = Reader::open(RecordKind::Put, 1, 1, &bytes).expect("the head is whole");
        let error = reader.field::<Vec<i64>>("list").expect_err("it lies");
        assert!(
            matches!(
                error,
                PayloadError::Malformed {
                    field: "list",
                    offset: Some(2),
                    ..
                }
            ),
            "{error:?}"
        );
    }
}
