//! Every offset, width and number of the on-disk format, in one place. `docs/FORMAT.md` says the
//! same in words and a test holds the two together.

/// The version this code writes, and the only one it reads.
pub const VERSION: u32 = 1;

/// The unit of every write: offsets and lengths of writes are multiples of it, whatever the I/O mode.
pub const BLOCK_BYTES: usize = 4096;

/// Records, frontiers and footers start at multiples of this, so payloads can be read in place.
pub const ALIGN_BYTES: usize = 16;

/// LSNs, and the numbers of segments and of prepared files, are smaller: at a billion a second that
/// is 292 years, and whoever counts on from one has room.
pub const NUMBER_END: u64 = 1 << 63;

/// Where records start in a segment: after the header block.
pub const DATA_START: u64 = BLOCK_BYTES as u64;

/// A named field of a fixed structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name, as `docs/FORMAT.md` and error messages give it.
    pub name: &'static str,
    /// Offset from the start of the structure, in bytes.
    pub offset: usize,
    /// Width in bytes.
    pub width: usize,
}

macro_rules! table {
    ($(#[$doc:meta])* $module:ident, $total:literal: $($name:ident @ $offset:literal + $width:literal;)*) => {
        $(#[$doc])*
        #[allow(
            non_upper_case_globals,
            clippy::allow_attributes,
            reason = "a field's constant carries the field's own name"
        )]
        pub mod $module {
            use super::Field;
            /// Length of the structure in bytes.
            pub const BYTES: usize = $total;
            $(
                #[doc = concat!("The field `", stringify!($name), "`.")]
                pub const $name: Field =
                    Field { name: stringify!($name), offset: $offset, width: $width };
            )*
            /// Every field, in order of offset.
            pub const FIELDS: &[Field] = &[$($name,)*];
        }
    };
}

table! {
    /// The record header: one cache line in front of each payload.
    record, 64:
    header_crc @ 0 + 4;
    payload_crc @ 4 + 4;
    payload_len @ 8 + 4;
    kind @ 12 + 2;
    flags @ 14 + 2;
    lsn @ 16 + 8;
    tenant @ 24 + 8;
    database @ 32 + 8;
    vshard @ 40 + 4;
    collection_tag @ 44 + 4;
    epoch @ 48 + 8;
    timestamp @ 56 + 8;
}

table! {
    /// The frontier record: the end of each write, and what was durable when it was built.
    frontier, 64:
    header_crc @ 0 + 4;
    position @ 4 + 4;
    payload_len @ 8 + 4;
    kind @ 12 + 2;
    flags @ 14 + 2;
    last_lsn @ 16 + 8;
    durable_lsn @ 24 + 8;
    records @ 32 + 4;
    write_number @ 36 + 4;
    digest @ 40 + 8;
    start_lsn @ 48 + 8;
    timestamp @ 56 + 8;
}

table! {
    /// The segment header, at the start of block 0 and again at [`MIRROR_OFFSET`].
    segment, 128:
    magic @ 0 + 8;
    version @ 8 + 4;
    flags @ 12 + 4;
    log_id @ 16 + 16;
    number @ 32 + 8;
    first_lsn @ 40 + 8;
    previous_last_lsn @ 48 + 8;
    previous_digest @ 56 + 8;
    salt @ 64 + 8;
    core @ 72 + 4;
    key_id @ 76 + 4;
    created_at @ 80 + 8;
    capacity @ 88 + 8;
    start_lsn @ 96 + 8;
    reserved @ 104 + 20;
    header_crc @ 124 + 4;
}

table! {
    /// The trailer: the last block of a sealed segment, and again at [`MIRROR_OFFSET`] in it.
    trailer, 128:
    magic @ 0 + 8;
    version @ 8 + 4;
    flags @ 12 + 4;
    log_id @ 16 + 16;
    number @ 32 + 8;
    first_lsn @ 40 + 8;
    last_lsn @ 48 + 8;
    digest @ 56 + 8;
    salt @ 64 + 8;
    data_end @ 72 + 8;
    footer_offset @ 80 + 8;
    footer_len @ 88 + 8;
    file_len @ 96 + 8;
    sealed_at @ 104 + 8;
    start_lsn @ 112 + 8;
    reserved @ 120 + 4;
    trailer_crc @ 124 + 4;
}

table! {
    /// The manifest of a log per core, at the start of its file.
    manifest, 96:
    magic @ 0 + 8;
    version @ 8 + 4;
    flags @ 12 + 4;
    body_len @ 16 + 8;
    body_crc @ 24 + 4;
    cores @ 28 + 4;
    voids @ 32 + 4;
    sources @ 36 + 4;
    generation @ 40 + 8;
    epoch @ 48 + 8;
    cut_epoch @ 56 + 8;
    cut_at @ 64 + 8;
    reserved @ 72 + 20;
    header_crc @ 92 + 4;
}

table! {
    /// A core in a manifest's body.
    manifest_core, 32:
    core @ 0 + 4;
    flags @ 4 + 4;
    log_id @ 8 + 16;
    cut_lsn @ 24 + 8;
}

table! {
    /// Records that count no more, in a manifest's body.
    manifest_void, 24:
    core @ 0 + 4;
    reserved @ 4 + 4;
    first_lsn @ 8 + 8;
    last_lsn @ 16 + 8;
}

/// Where in its block the second copy of a segment header or trailer stands: another sector.
pub const MIRROR_OFFSET: usize = 2048;

/// The first bytes of a segment.
pub const SEGMENT_MAGIC: [u8; 8] = *b"NDBWALSG";
/// The first bytes of a trailer.
pub const TRAILER_MAGIC: [u8; 8] = *b"NDBWALTR";
/// The first bytes of a manifest.
pub const MANIFEST_MAGIC: [u8; 8] = *b"NDBWALCM";

/// Kind of the frontier record (number 254, required). It uses no LSN.
pub const FRONTIER_KIND: u16 = 254 | 1 << 15;
/// Kind of the footer record (number 255, required). It uses no LSN.
pub const FOOTER_KIND: u16 = 255 | 1 << 15;

/// How many bytes a record with this payload takes: header, payload, and zeros to the alignment.
#[must_use]
pub const fn record_bytes(payload_len: usize) -> usize {
    (record::BYTES + payload_len).next_multiple_of(ALIGN_BYTES)
}

/// `offset` rounded up to a whole block.
#[must_use]
pub const fn block_ceil(offset: u64) -> u64 {
    offset.next_multiple_of(BLOCK_BYTES as u64)
}

/// `offset` rounded down to a whole block.
#[must_use]
pub const fn block_floor(offset: u64) -> u64 {
    offset - offset % BLOCK_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_covers_its_structure_without_gap_or_overlap() {
        let tables = [
            (record::FIELDS, record::BYTES),
            (frontier::FIELDS, frontier::BYTES),
            (segment::FIELDS, segment::BYTES),
            (trailer::FIELDS, trailer::BYTES),
            (manifest::FIELDS, manifest::BYTES),
            (manifest_core::FIELDS, manifest_core::BYTES),
            (manifest_void::FIELDS, manifest_void::BYTES),
        ];
        for (fields, bytes) in tables {
            let mut end = 0;
            for field in fields {
                assert_eq!(field.offset, end, "{}", field.name);
                end += field.width;
            }
            assert_eq!(end, bytes);
        }
    }

    #[test]
    fn a_frontier_can_be_told_from_a_record_before_either_is_read() {
        for (a, b) in [
            (record::header_crc, frontier::header_crc),
            (record::payload_len, frontier::payload_len),
            (record::kind, frontier::kind),
            (record::flags, frontier::flags),
        ] {
            assert_eq!((a.offset, a.width), (b.offset, b.width));
        }
    }
}
