//! Bytes: what each structure of the log looks like on disk. Pure functions; nothing here reads or
//! writes a file. `docs/FORMAT.md` is the description, `layout` the same in code.

pub mod checksum;
pub(crate) mod cursor;
mod dump;
pub(crate) mod file_name;
pub(crate) mod footer;
pub(crate) mod frontier;
pub mod layout;
pub(crate) mod manifest;
pub(crate) mod record_header;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod round_trip;
pub(crate) mod segment_header;
pub(crate) mod trailer;

pub use dump::{annotate_record, annotate_segment_header};
pub use frontier::Frontier;
pub use manifest::{Manifest, ManifestCore, ManifestFault, ManifestVoid};
pub use record_header::{HeaderFault, RecordHeader};
pub use segment_header::{SegmentHeader, SegmentHeaderFault};
