//! A bounded cursor over bytes that names the field it could not read.

/// What was wrong with a variable-length structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeFault {
    /// The bytes ended inside a field.
    #[error("the bytes end inside `{field}`")]
    Short {
        /// The field that could not be read.
        field: &'static str,
    },
    /// A field holds a value it cannot have.
    #[error("`{field}` is {value}, which is out of range")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it held.
        value: u64,
    },
    /// Bytes are left over after the last field.
    #[error("{bytes} bytes are left over")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// Reads fixed-width little-endian fields off the front of a slice.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeFault> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeFault::Short { field })?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeFault> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeFault> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeFault> {
        self.array(field).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, DecodeFault> {
        self.array(field).map(i64::from_le_bytes)
    }

    /// A count of items of at least `item_bytes` each: refused when the bytes left cannot hold it,
    /// so that nothing is allocated for a count that cannot be true.
    pub(crate) fn count(
        &mut self,
        field: &'static str,
        item_bytes: usize,
    ) -> Result<usize, DecodeFault> {
        let value = self.u32(field)?;
        usize::try_from(value)
            .ok()
            .filter(|count| {
                count
                    .checked_mul(item_bytes)
                    .is_some_and(|n| n <= self.rest.len())
            })
            .ok_or(DecodeFault::OutOfRange {
                field,
                value: u64::from(value),
            })
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), DecodeFault> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(DecodeFault::Trailing { bytes }),
        }
    }
}

/// A fixed-size structure being written, field by field of its layout table.
#[inline]
pub(crate) fn put(bytes: &mut [u8], field: super::layout::Field, value: &[u8]) {
    assert_eq!(
        value.len(),
        field.width,
        "`{}` has another width",
        field.name
    );
    bytes[field.offset..field.offset + field.width].copy_from_slice(value);
}

/// Fields that fill eight bytes together, the first in the lowest bits of `value`.
#[inline]
pub(crate) fn put_together(bytes: &mut [u8], fields: &[super::layout::Field], value: u64) {
    let start = fields.first().map_or(0, |field| field.offset);
    let mut end = start;
    for field in fields {
        assert_eq!(field.offset, end, "`{}` stands elsewhere", field.name);
        end += field.width;
    }
    bytes[start..end].copy_from_slice(&value.to_le_bytes());
}

/// A field of a fixed-size structure whose length was checked by its caller.
#[inline]
pub(crate) fn take<const N: usize>(bytes: &[u8], field: super::layout::Field) -> [u8; N] {
    assert_eq!(N, field.width, "`{}` has another width", field.name);
    let mut value = [0; N];
    value.copy_from_slice(&bytes[field.offset..field.offset + N]);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_not_there_is_named() {
        let mut cursor = Cursor::new(&[1, 0, 0, 0, 2]);
        assert_eq!(cursor.u32("first"), Ok(1));
        assert_eq!(
            cursor.u64("second"),
            Err(DecodeFault::Short { field: "second" })
        );
    }

    #[test]
    fn a_count_that_the_rest_cannot_hold_is_refused() {
        let mut cursor = Cursor::new(&[3, 0, 0, 0, 9, 9, 9, 9]);
        assert_eq!(
            cursor.count("items", 2),
            Err(DecodeFault::OutOfRange {
                field: "items",
                value: 3
            })
        );
    }

    #[test]
    fn bytes_left_over_are_refused() {
        assert_eq!(
            Cursor::new(&[0]).finish(),
            Err(DecodeFault::Trailing { bytes: 1 })
        );
    }
}
