//! The names of the files in a log directory.

use super::layout::NUMBER_END;
use crate::types::Lsn;

/// The file that is locked while a log is open.
pub(crate) const LOCK: &str = "wal.lock";

/// The manifest of a log per core, in the directory above the cores'.
pub(crate) const MANIFEST: &str = "cores.manifest";
/// A manifest being written.
pub(crate) const MANIFEST_UNFINISHED: &str = "cores.manifest.tmp";

const CORE_PREFIX: &str = "core-";
const SEGMENT_PREFIX: &str = "wal-";
const SEGMENT_SUFFIX: &str = ".seg";
const PREPARED_PREFIX: &str = "prepared-";
const UNFINISHED_SUFFIX: &str = ".tmp";

/// What a file in a log directory is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A segment that starts at this LSN.
    Segment(Lsn),
    /// Space made ready for a segment to come; it holds no record.
    Prepared(u64),
    /// Space that was being made ready when the process ended; it holds no record.
    Unfinished,
    /// Not ours.
    Other,
}

/// The segment whose first record is `first_lsn`.
pub(crate) fn segment(first_lsn: Lsn) -> String {
    format!("{SEGMENT_PREFIX}{:020}{SEGMENT_SUFFIX}", first_lsn.value())
}

/// Space made ready, told apart by `number`.
pub(crate) fn prepared(number: u64) -> String {
    format!("{PREPARED_PREFIX}{number:020}{SEGMENT_SUFFIX}")
}

/// Space being made ready.
pub(crate) fn unfinished(number: u64) -> String {
    format!("{PREPARED_PREFIX}{number:020}{UNFINISHED_SUFFIX}")
}

/// The directory of a core's log.
pub(crate) fn core(core: u32) -> String {
    format!("{CORE_PREFIX}{core:04}")
}

/// The core whose directory is called `name`.
pub(crate) fn parse_core(name: &str) -> Option<u32> {
    let number = name.strip_prefix(CORE_PREFIX)?.parse().ok()?;
    (core(number) == name).then_some(number)
}

/// What `name` stands for.
pub(crate) fn parse(name: &str) -> FileKind {
    let number = |prefix: &str, suffix: &str| {
        let digits = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
        let is_canonical = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|_| is_canonical)
    };
    let prepared = |suffix| number(PREPARED_PREFIX, suffix).filter(|at| *at < NUMBER_END);
    if let Some(first) = number(SEGMENT_PREFIX, SEGMENT_SUFFIX) {
        FileKind::Segment(Lsn::new(first))
    } else if let Some(at) = prepared(SEGMENT_SUFFIX) {
        FileKind::Prepared(at)
    } else if prepared(UNFINISHED_SUFFIX).is_some() {
        FileKind::Unfinished
    } else {
        FileKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let cases = [
            (segment(Lsn::new(42)), FileKind::Segment(Lsn::new(42))),
            (segment(Lsn::MAX), FileKind::Segment(Lsn::MAX)),
            (prepared(7), FileKind::Prepared(7)),
            (unfinished(7), FileKind::Unfinished),
        ];
        for (name, kind) in cases {
            assert_eq!(parse(&name), kind, "{name}");
        }
    }

    #[test]
    fn what_is_not_exactly_our_name_is_left_alone() {
        for name in [
            "wal-1.seg",
            "wal-00000000000000000042.seg.bak",
            "wal-+0000000000000000042.seg",
            "wal-99999999999999999999.seg",
            "prepared-09223372036854775808.seg",
            "prepared-09223372036854775808.tmp",
            "wal.lock",
            "notes.txt",
        ] {
            assert_eq!(parse(name), FileKind::Other, "{name}");
        }
    }

    #[test]
    fn directories_of_cores_are_read_back() {
        for number in [0, 7, 9_999, 10_000, u32::MAX] {
            assert_eq!(parse_core(&core(number)), Some(number));
        }
        for name in [
            "core-1",
            "core-00001",
            "core-+001",
            "core-",
            "cores.manifest",
        ] {
            assert_eq!(parse_core(name), None, "{name}");
        }
    }

    #[test]
    fn names_sort_as_their_lsns_do() {
        assert!(segment(Lsn::new(9)) < segment(Lsn::new(10)));
    }
}
