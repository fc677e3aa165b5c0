//! Every peer keeps what it is given, and checks what its table says it checks. Not here: walrus, which
//! takes its directory from the environment of the whole process; and the disk by itself.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::ALL;
use crate::peer::{Content, Each, Failure, Kind, Purpose, Standing};

const PAYLOAD_BYTES: usize = 4096;
const TOTAL_BYTES: u64 = 64 * PAYLOAD_BYTES as u64;

fn kinds() -> impl Iterator<Item = &'static Kind> {
    let all = ALL.iter().copied();
    all.filter(|kind| kind.standing != Standing::Raw && kind.name != "walrus")
}

fn expected() -> Vec<Vec<u8>> {
    let content = Content::new(1);
    content
        .payloads(TOTAL_BYTES, PAYLOAD_BYTES)
        .map(<[u8]>::to_vec)
        .collect()
}

fn write(kind: &Kind, directory: &Path) {
    let purpose = Purpose::Stream {
        payload_bytes: TOTAL_BYTES,
    };
    let peer = (kind.open)(directory, purpose).unwrap();
    let content = Content::new(1);
    peer.stream(content.payloads(TOTAL_BYTES, PAYLOAD_BYTES))
        .unwrap();
    peer.close().unwrap();
}

fn read(kind: &Kind, directory: &Path) -> (Vec<Vec<u8>>, Result<(), Failure>) {
    let found = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&found);
    let each: Each = Box::new(move |payload| keep.lock().unwrap().push(payload.to_vec()));
    let done = (kind.read)(directory, each);
    let found = found.lock().unwrap().clone();
    (found, done)
}

#[test]
fn what_is_streamed_comes_back_in_order() {
    for kind in kinds() {
        let home = tempfile::tempdir().unwrap();
        write(kind, home.path());
        let (found, done) = read(kind, home.path());
        done.unwrap();
        assert!(
            found == expected(),
            "{}: {} came back",
            kind.name,
            found.len()
        );
    }
}

#[test]
fn every_peer_takes_commits_of_several_threads_and_opens_again() {
    for kind in kinds() {
        let home = tempfile::tempdir().unwrap();
        let peer = (kind.open)(home.path(), Purpose::Commits { threads: 3 }).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let peer = peer.as_ref();
                scope.spawn(move || {
                    for number in 0..5 {
                        peer.commit(thread, &[number; 256]).unwrap();
                    }
                });
            }
        });
        peer.close().unwrap();
        let peer = (kind.open)(home.path(), Purpose::Reopen).unwrap();
        peer.commit(0, b"more").unwrap();
        peer.close().unwrap();
    }
}

/// Changes one byte in the middle of a payload on disk.
fn damage(directory: &Path, payload: &[u8]) {
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let part = &payload[PAYLOAD_BYTES / 2..][..32];
            if let Some(at) = bytes.windows(part.len()).position(|window| window == part) {
                bytes[at] ^= 1;
                fs::write(&path, bytes).unwrap();
                return;
            }
        }
    }
    panic!("the payload is nowhere");
}

#[test]
fn a_replay_checks_what_its_kind_says() {
    for kind in kinds() {
        let home = tempfile::tempdir().unwrap();
        write(kind, home.path());
        let expected = expected();
        damage(home.path(), &expected[40]);
        let (found, _done) = read(kind, home.path());
        let hands_out_damage = found.iter().any(|payload| !expected.contains(payload));
        assert_eq!(kind.checks, !hands_out_damage, "{}", kind.name);
    }
}
