//! Payloads that are encoded straight into the log's buffer: what comes back is what was left there,
//! and an encoder that fails or panics leaves no trace.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

fn open(disk: &SimDisk) -> Log {
    let config = Config::on(disk.storage())
        .segment_bytes(1 << 20)
        .payload_bytes_max(100_000);
    Log::open(config).unwrap()
}

fn envelope(payload_len: usize) -> Envelope {
    Envelope::raw(RecordKind::Put, Scope::default(), payload_len)
}

fn append(log: &Log, payload: &[u8]) -> Lsn {
    log.append(&Record::raw(RecordKind::Put, Scope::default(), payload))
        .unwrap()
}

/// Every payload of the log, both checksums checked.
fn payloads(log: &Log) -> Vec<Vec<u8>> {
    let mut records = log.read(ReadOptions::all()).unwrap();
    let mut payloads = Vec::new();
    while let Some(record) = records.next().unwrap() {
        payloads.push(record.payload.to_vec());
    }
    payloads
}

/// The same records, whichever way they are appended, are the same bytes on disk.
#[test]
fn it_writes_what_append_writes() {
    let lens = [0, 1, 15, 16, 17, 300, 5_000, 40_000];
    let written = |with: bool| {
        let disk = SimDisk::new(3);
        let log = open(&disk);
        for (n, len) in lens.into_iter().enumerate() {
            let payload = vec![u8::try_from(n).unwrap() + 1; len];
            if with {
                let fill = |place: &mut [u8]| {
                    place.copy_from_slice(&payload);
                    Ok::<_, Error>(())
                };
                log.append_with(&envelope(len), fill).unwrap();
            } else {
                append(&log, &payload);
            }
        }
        log.close().unwrap();
        let names = disk.names();
        let files = names.iter().map(|name| disk.read_file(name).unwrap());
        (names.clone(), files.collect::<Vec<_>>())
    };
    assert!(written(true) == written(false));
}

/// A record refused by its encoder, half encoded by then, goes between two others.
fn leaves_no_trace(refused: impl FnOnce(&Log)) {
    let disk = SimDisk::new(4);
    let log = open(&disk);
    let first = append(&log, b"first");
    refused(&log);
    assert_eq!(log.next_lsn(), first.next());
    assert_eq!(append(&log, b"second"), first.next());
    log.sync().unwrap();
    assert_eq!(payloads(&log), [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(log.stats().records, 2);
    drop(log);
    let log = open(&disk);
    assert_eq!(payloads(&log).len(), 2);
}

#[test]
fn an_encoder_that_fails_leaves_no_trace() {
    #[derive(Debug)]
    enum Failed {
        Encoder,
        Log,
    }
    impl From<Error> for Failed {
        fn from(_: Error) -> Self {
            Self::Log
        }
    }
    for len in [0, 20, 9_000] {
        leaves_no_trace(|log| {
            let answer = log.append_with(&envelope(len), |payload| {
                payload.fill(0xff);
                Err(Failed::Encoder)
            });
            assert!(matches!(answer, Err(Failed::Encoder)), "{answer:?}");
        });
    }
}

#[test]
fn an_encoder_that_panics_leaves_no_trace() {
    for len in [1, 20, 9_000] {
        leaves_no_trace(|log| {
            let append = || {
                log.append_with(&envelope(len), |payload| -> Result<()> {
                    payload.fill(0xff);
                    panic!("an encoder's own mistake")
                })
            };
            assert!(catch_unwind(AssertUnwindSafe(append)).is_err());
        });
    }
}

#[test]
fn a_payload_that_is_too_large_is_refused_before_it_is_encoded() {
    leaves_no_trace(|log| {
        let answer = log.append_with(&envelope(100_001), |_| -> Result<()> {
            panic!("there is no place for it")
        });
        assert!(
            matches!(
                answer,
                Err(Error::TooLarge {
                    what: "payload",
                    ..
                })
            ),
            "{answer:?}"
        );
    });
}

/// The buffer's memory held other people's records before.
#[test]
fn what_is_not_encoded_is_zeros() {
    let log = open(&SimDisk::new(5));
    for _ in 0..3 {
        append(&log, &[0xaa; 3_000]);
        log.sync().unwrap();
    }
    log.append_with(&envelope(100), |payload| {
        payload[0] = 1;
        Ok::<_, Error>(())
    })
    .unwrap();
    log.sync().unwrap();
    let last = payloads(&log).pop().unwrap();
    assert_eq!((last[0], last.len()), (1, 100));
    assert!(last[1..].iter().all(|&byte| byte == 0));
}
