//! Opens input files: plain or gzip, told apart by their first bytes; `-` is standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::cli::error::CliError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BUFFER_BYTES: usize = 64 * 1024;

/// The argument that stands for standard input.
const STDIN: &str = "-";

/// An open input file, unpacked.
pub(super) struct Input {
    /// What errors call it.
    pub(super) name: String,
    /// Its name without directory and endings: what its content is called in the log.
    pub(super) stem: String,
    pub(super) content: Box<dyn BufRead>,
}

/// How many bytes the files have, as far as that is known.
pub(super) fn total_bytes(files: &[String]) -> u64 {
    let bytes = |file: &String| std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    files.iter().map(bytes).sum()
}

/// Whether every file can be opened.
pub(super) fn check(files: &[String]) -> Result<(), CliError> {
    let mut named = files.iter().filter(|file| *file != STDIN);
    named.try_for_each(|file| open_file(file).map(drop))
}

/// Opens `file`; what is read of it moves `bar` on.
pub(super) fn open(file: &str, bar: &ProgressBar) -> Result<Input, CliError> {
    let (stem, bytes): (String, Box<dyn Read>) = if file == STDIN {
        ("stdin".to_owned(), Box::new(io::stdin()))
    } else {
        (stem(file), Box::new(open_file(file)?))
    };
    let content = unpacked(bar.wrap_read(bytes)).map_err(|source| failure(file, source))?;
    Ok(Input {
        name: file.to_owned(),
        stem,
        content,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is an input file, not a file of the log"
)]
fn open_file(file: &str) -> Result<File, CliError> {
    File::open(file).map_err(|source| failure(file, source))
}

fn failure(file: &str, source: io::Error) -> CliError {
    CliError::Io {
        operation: "read",
        path: file.into(),
        source,
    }
}

fn unpacked(bytes: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut bytes = BufReader::with_capacity(BUFFER_BYTES, bytes);
    Ok(if bytes.fill_buf()?.starts_with(&GZIP_MAGIC) {
        let unpacked = MultiGzDecoder::new(bytes);
        Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked))
    } else {
        Box::new(bytes)
    })
}

fn stem(file: &str) -> String {
    let name = Path::new(file).file_name().map_or_else(
        || file.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    match plain.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn packed_and_plain_files_read_the_same() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"a line\n").unwrap();
        for bytes in [packed.finish().unwrap(), b"a line\n".to_vec()] {
            let mut text = String::new();
            let mut content = unpacked(io::Cursor::new(bytes)).unwrap();
            content.read_to_string(&mut text).unwrap();
            assert_eq!(text, "a line\n");
        }
        assert!(
            unpacked(io::empty())
                .unwrap()
                .fill_buf()
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_stem_has_no_directory_and_no_endings() {
        for (file, expected) in [
            ("a/b/cpu.csv", "cpu"),
            ("cpu.csv.gz", "cpu"),
            ("v1.2.txt", "v1.2"),
            ("cpu", "cpu"),
            (".hidden", ".hidden"),
        ] {
            assert_eq!(stem(file), expected);
        }
    }
}
