//! Holds and checkpoints as a service.

use super::support::{fill, small_config, small_node, write};
use crate::{Error, Node, Truncation};
use nodedb_wal::Lsn;

fn lsn(number: u64) -> Lsn {
    Lsn::new(number)
}

/// What is held, as the node says after it went away without a word and came back.
fn after_restart(node: Node, directory: &tempfile::TempDir) -> (Node, Vec<(String, Option<u64>)>) {
    drop(node);
    let node = small_node(directory);
    let holds = node.holds().unwrap();
    let held = holds
        .iter()
        .map(|(name, hold)| (name.to_owned(), hold.needs.map(Lsn::value)))
        .collect();
    (node, held)
}

#[test]
fn what_was_said_of_a_hold_is_there_after_a_crash_with_and_without_the_catalog() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    assert!(node.declare_hold("archive").unwrap());
    assert!(!node.declare_hold("archive").unwrap());
    node.set_hold("consumer", lsn(1)).unwrap();
    node.set_hold("consumer", lsn(2)).unwrap();
    node.set_hold("gone", lsn(1)).unwrap();
    assert!(node.release_hold("gone").unwrap());
    assert!(!node.release_hold("gone").unwrap());
    node.checkpoint("kv", lsn(3)).unwrap();
    let expected = vec![
        ("archive".to_owned(), None),
        ("checkpoint/kv".to_owned(), Some(4)),
        ("consumer".to_owned(), Some(2)),
    ];
    let (node, held) = after_restart(node, &directory);
    assert_eq!(held, expected);
    let catalog = node.catalog().path().to_owned();
    drop(node);
    std::fs::remove_file(catalog).unwrap();
    let (node, held) = after_restart(small_node(&directory), &directory);
    assert_eq!(held, expected);
    assert_eq!(node.checkpoints().unwrap()["kv"], lsn(3));
}

#[test]
fn a_checkpoint_goes_forward_only_and_only_to_what_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    fill(&node, 3);
    node.checkpoint("kv", lsn(2)).unwrap();
    let next = node.wal().next_lsn();
    node.checkpoint("kv", lsn(2)).unwrap();
    assert_eq!(node.wal().next_lsn(), next, "the same again wrote a record");
    assert!(matches!(
        node.checkpoint("kv", lsn(1)),
        Err(Error::CheckpointBack { engine, at, lsn: to })
            if engine == "kv" && (at, to) == (lsn(2), lsn(1))
    ));
    assert!(matches!(
        node.checkpoint("kv", next),
        Err(Error::Log(nodedb_wal::Error::NotAppended { .. }))
    ));
    assert_eq!(node.checkpoints().unwrap()["kv"], lsn(2));
    assert_eq!(node.wal().next_lsn(), next, "a refusal wrote a record");
    assert!(matches!(
        node.set_hold("checkpoint/kv", lsn(1)),
        Err(Error::HoldIsCheckpoint { .. })
    ));
}

#[test]
fn a_hold_on_records_that_are_gone_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    fill(&node, 3);
    node.checkpoint("kv", lsn(2)).unwrap();
    node.truncate_to_holds().unwrap();
    assert_eq!(node.wal().start_lsn(), lsn(3));
    assert!(matches!(
        node.set_hold("late", lsn(2)),
        Err(Error::HoldTooLate { needs, start, .. }) if (needs, start) == (lsn(2), lsn(3))
    ));
    node.set_hold("late", lsn(3)).unwrap();
    assert!(matches!(
        node.truncate_before(lsn(4)),
        Err(Error::Held { needs, .. }) if needs == Some(lsn(3))
    ));
    assert_eq!(node.truncate_before(lsn(3)).unwrap().segments, 0);
}

/// Lesson 17: truncation to a position dropped the newest bytes instead of the oldest.
#[test]
fn the_newest_records_stay_when_nobody_needs_any() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    fill(&node, 4);
    let last = write(&node, 100);
    node.checkpoint("kv", last).unwrap();
    let done = node.truncate_to_holds().unwrap();
    assert!(
        matches!(done, Truncation::Done { truncated, .. } if truncated.segments == 4),
        "{done:?}"
    );
    assert_eq!(node.wal().start_lsn(), last);
    let (node, _) = after_restart(node, &directory);
    assert_eq!(node.wal().start_lsn(), last);
}

/// Lesson 18: a consumer that is slow, or silent, keeps what it needs, and is named with what it costs.
#[test]
fn a_slow_hold_and_a_silent_one_are_named_with_what_they_keep() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::open(small_config(&directory).retained_bytes_max(Some(1))).unwrap();
    let last = fill(&node, 3);
    node.checkpoint("kv", last).unwrap();
    node.set_hold("consumer", lsn(2)).unwrap();
    let tended = node.tend().unwrap();
    assert_eq!(node.wal().start_lsn(), lsn(2));
    let over = tended.over.unwrap();
    assert_eq!(over.pins[0].hold, "consumer");
    assert_eq!(over.pins[0].bytes, over.pins[0].alone_bytes);
    assert!(over.pins[0].bytes > 0 && over.over_bytes() > over.pins[0].bytes);
    node.declare_hold("archive").unwrap();
    let unknown = Truncation::Unknown {
        hold: "archive".to_owned(),
    };
    let tended = node.tend().unwrap();
    assert_eq!(tended.truncation, Some(unknown));
    assert_eq!(tended.over.unwrap().pins[0].needs, None);
}
