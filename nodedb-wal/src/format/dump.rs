//! Annotated bytes: each field of a structure with its offset, its bytes and its name, for people.

use std::fmt::Write as _;

use super::layout::{FRONTIER_KIND, Field, frontier, record, segment};
use super::record_header::kind_bits;

/// One line per field of the record (or frontier) header that `bytes` start with, then the rest
/// sixteen bytes a line. `position` is where the bytes stand in their file.
#[must_use]
pub fn annotate_record(bytes: &[u8], position: u64) -> String {
    let mut out = String::new();
    let body = match bytes.first_chunk::<{ record::BYTES }>() {
        Some(header) => {
            let is_frontier = kind_bits(header) == FRONTIER_KIND;
            let fields = if is_frontier {
                frontier::FIELDS
            } else {
                record::FIELDS
            };
            annotate_fields(&mut out, header, fields, position);
            &bytes[record::BYTES..]
        }
        None => bytes,
    };
    let body_position = position + (bytes.len() - body.len()) as u64;
    for (row, line) in (0..).zip(body.chunks(16)) {
        annotate_line(&mut out, body_position + row * 16, line);
    }
    out
}

/// One line per field of the segment header that `bytes` start with; nothing when they are too few.
#[must_use]
pub fn annotate_segment_header(bytes: &[u8]) -> String {
    let mut out = String::new();
    if let Some(header) = bytes.first_chunk::<{ segment::BYTES }>() {
        annotate_fields(&mut out, header, segment::FIELDS, 0);
    }
    out
}

fn annotate_fields(out: &mut String, bytes: &[u8], fields: &[Field], position: u64) {
    for field in fields {
        let value = &bytes[field.offset..field.offset + field.width];
        let number = value
            .iter()
            .rev()
            .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
        // Writing to a String cannot fail.
        let _ok = write!(
            out,
            "{:#010x}  {:<48}",
            position + field.offset as u64,
            hex(value)
        );
        let _ok = if field.width <= 16 {
            writeln!(out, "{} = {number}", field.name)
        } else {
            writeln!(out, "{}", field.name)
        };
    }
}

fn annotate_line(out: &mut String, position: u64, bytes: &[u8]) {
    let text: String = bytes
        .iter()
        .map(|&byte| {
            if byte.is_ascii_graphic() || byte == b' ' {
                char::from(byte)
            } else {
                '.'
            }
        })
        .collect();
    let _ok = writeln!(out, "{position:#010x}  {:<48}{text}", hex(bytes));
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 3), |mut out, byte| {
            let _ok = write!(out, "{byte:02x} ");
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_its_line_and_payload_follows_as_text() {
        let mut bytes = vec![0; record::BYTES];
        bytes[record::lsn.offset] = 7;
        bytes.extend_from_slice(b"hello\n");
        let text = annotate_record(&bytes, 4096);
        assert!(text.contains("lsn = 7"), "{text}");
        assert!(text.contains("hello."), "{text}");
        assert_eq!(text.lines().count(), record::FIELDS.len() + 1);
    }

    #[test]
    fn bytes_too_few_for_a_header_are_shown_as_they_are() {
        assert_eq!(annotate_record(b"abc", 0).lines().count(), 1);
        assert_eq!(annotate_segment_header(b"abc"), "");
    }
}
