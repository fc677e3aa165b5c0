//! Files as text that people can read and compare: sixteen bytes a line, lines of zeros left out.

use std::fmt::Write as _;

const LINE_BYTES: usize = 16;

/// `bytes` as text. What is left out is zeros.
pub(crate) fn render(bytes: &[u8]) -> String {
    let mut text = format!("length {}\n", bytes.len());
    for (offset, line) in (0..).step_by(LINE_BYTES).zip(bytes.chunks(LINE_BYTES)) {
        if line.iter().any(|&byte| byte != 0) {
            let hex: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "{offset:08x}  {hex:<32}  {}", printable(line)).unwrap();
        }
    }
    text
}

/// The bytes that `text` stands for.
pub(crate) fn parse(text: &str) -> Vec<u8> {
    let mut lines = text.lines();
    let length = lines.next().and_then(|line| line.strip_prefix("length "));
    let mut bytes = vec![0; length.unwrap().parse().unwrap()];
    for line in lines {
        let mut words = line.split_ascii_whitespace();
        let offset = usize::from_str_radix(words.next().unwrap(), 16).unwrap();
        let hex = words.next().unwrap();
        for (at, pair) in hex.as_bytes().chunks(2).enumerate() {
            let pair = std::str::from_utf8(pair).unwrap();
            bytes[offset + at] = u8::from_str_radix(pair, 16).unwrap();
        }
    }
    bytes
}

fn printable(bytes: &[u8]) -> String {
    let print = |&byte: &u8| {
        if byte.is_ascii_graphic() {
            char::from(byte)
        } else {
            '.'
        }
    };
    bytes.iter().map(print).collect()
}

#[test]
fn what_was_rendered_is_parsed_back() {
    let check = |bytes: &[u8], lines: usize| {
        let text = render(bytes);
        assert_eq!(parse(&text), bytes, "{text}");
        assert_eq!(text.lines().count(), lines, "{text}");
    };
    check(&[], 1);
    check(&[0; 100], 1);
    check(&[1], 2);
    check(b"0123456789abcdef\0\0", 2);
    let mut long = vec![0; 5000];
    long[4097] = 0xff;
    check(&long, 2);
}
