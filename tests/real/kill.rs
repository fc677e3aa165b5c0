//! Processes that are killed while they write, on every file system there is, in both I/O modes.

use std::path::Path;

use nodedb_tests::random::Random;

use crate::aftermath::check;
use crate::places::{Place, rounds};
use crate::program::{finish, program};
use crate::writer::{Io, Notes, Start, Writer};

/// Writers of one log, one after the other, each killed after a number of acknowledgements.
fn kill_again_and_again(directory: &Path, io: Io, seed: u64) {
    let mut random = Random::new(seed);
    let mut notes = Notes::default();
    for _ in 0..4 * rounds() {
        let threads = 1 + u32::try_from(random.below(6)).unwrap();
        let mut writer = Writer::start(directory, Start::endless(io, threads), &mut notes);
        writer.hear_acknowledged(random.below(120));
        writer.kill();
        if random.percent(50) {
            check(directory, io, &notes);
        }
    }
    let records = check(directory, io, &notes);
    assert!(records >= notes.acknowledged.len() as u64);
}

fn check_place(place: Place) {
    for (seed, io) in (1..).zip(Io::BOTH) {
        place.with(place.mebibytes_min().max(512), |at| {
            kill_again_and_again(&at.join("log"), io, seed);
            demo(&at.join("demo"), io);
        });
    }
}

/// The program's own demonstration, which checks every byte and every filter.
fn demo(directory: &Path, io: Io) {
    let mut command = program(["demo", "--json", "--rounds", "2", "--seconds", "0.5"], "");
    command.args(["--threads", "4", "--seed", "7", "--io", io.name(), "--dir"]);
    let (code, text) = finish(command.arg(directory));
    assert_eq!(code, 0, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&report["lost"], &report["invented"]),
        (&0.into(), &0.into()),
        "{text}"
    );
}

#[test]
fn writers_killed_on_the_file_system_at_hand_lose_nothing() {
    check_place(Place::Here);
}

#[test]
fn writers_killed_on_tmpfs_lose_nothing() {
    check_place(Place::Tmpfs);
}

#[test]
fn writers_killed_on_ext4_lose_nothing() {
    check_place(Place::Ext4);
}

#[test]
fn writers_killed_on_xfs_lose_nothing() {
    check_place(Place::Xfs);
}

#[test]
fn writers_killed_on_btrfs_lose_nothing() {
    check_place(Place::Btrfs);
}
