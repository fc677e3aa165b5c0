//! Small payloads as msgpack: a version byte, then one array with a fixed number of fields in a
//! fixed order. The only user of `zerompk`.
//!
//! `zerompk` stops behind the first value, gives no position, and writes the low 32 bits of a
//! longer length; so trailing bytes, offsets and lengths are looked after here, field by field.
//! Lengths it reads are held against the bytes that are there before anything is allocated, and
//! nothing here recurses. The bytes are those of its own `#[msgpack(array)]` form, which a test
//! holds them to, so that no cargo feature changes them.

mod field;
mod macros;
mod reader;
mod wire;
mod writer;

pub(super) use field::{Element, Field};
pub(super) use macros::{msgpack_element, msgpack_payload};
pub(super) use reader::Reader;
pub(super) use writer::{Writer, write};
