//! What opening costs: the headers of all segments and the last segment, whatever the log's length.

use nodedb_wal::*;

const SEGMENT_BYTES: u64 = 64 << 10;

/// Bytes read to open a log of `segments` segments whose last is full.
fn bytes_read_to_open(segments: usize) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::new(directory.path()).segment_bytes(SEGMENT_BYTES);
    let log = Log::open(config()).unwrap();
    let record = Record::raw(RecordKind::Put, Scope::default(), &[7; 900]);
    while log.segments().unwrap().len() <= segments {
        let lsn = log.append(&record).unwrap();
        log.commit(lsn).unwrap();
    }
    drop(log);
    let log = Log::open(config()).unwrap();
    log.recovery().bytes_read
}

/// Each boot read the whole log, up to five times, so that a node with a long log was down for
/// minutes.
#[test]
fn opening_reads_the_last_segment_however_long_the_log_is() {
    let few = bytes_read_to_open(3);
    let many = bytes_read_to_open(40);
    let header_and_trailer = 2 * 4096;
    assert!(
        many <= few + 37 * header_and_trailer + SEGMENT_BYTES,
        "{few} and {many} bytes"
    );
    assert!(many < 40 * SEGMENT_BYTES / 4, "{many} bytes");
}
