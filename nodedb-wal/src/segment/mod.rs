//! One segment: how its bytes are built, walked, sealed and opened.

mod chunk;
mod claims;
mod cursor;
mod entry;
mod index;
mod near_end;
mod scan;
mod seal;
mod search;
mod tail;
mod walk;
mod write_buffer;

pub(crate) use chunk::{Chunk, Part, Source, Stretch};
pub(crate) use claims::Claims;
pub(crate) use entry::SegmentEntry;
pub(crate) use index::{IndexBuilder, footer_bytes_bound};
pub(crate) use scan::{Payloads, Pick};
pub(crate) use seal::{SealedEnd, finish_seal, seal, sealing_bytes};
pub(crate) use tail::{Stop, Tail, examine, examine_last_writes, examine_settled, examine_up_to};
pub(crate) use walk::{Found, Gap, RecordAt, Walk};
pub(crate) use write_buffer::WriteBuffer;
