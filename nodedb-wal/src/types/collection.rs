//! Collection tags: a collection's name, small enough for a record header.

/// A 32-bit hash of a collection's name, kept in the record header so that filters can pass over
/// records of other collections without touching their payloads.
///
/// Two names may share a tag. A matching tag therefore means "maybe": a filter that hides records
/// must confirm the name in the payload. A different tag means "certainly not".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionTag(u32);

impl CollectionTag {
    /// The record names no collection.
    pub const NONE: Self = Self(0);

    /// The tag of a collection name: FNV-1a, 32 bits (RFC 9923), of its UTF-8 bytes, with 0
    /// replaced by 1.
    #[must_use]
    pub const fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash: u32 = 0x811c_9dc5;
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
            at += 1;
        }
        Self(if hash == 0 { 1 } else { hash })
    }

    /// The tag with this number, as found in a header.
    #[must_use]
    pub const fn from_value(number: u32) -> Self {
        Self(number)
    }

    /// The bare number.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }
}
