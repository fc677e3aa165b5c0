//! Opening again, and truncation to what the records of holds say.

use nodedb_wal::Lsn;
use nodedb_wal::payload::{CollectionTombstoned, Hold};

use super::support::{D, T, V, small_node};
use crate::{Node, NodeConfig, Truncation};

#[test]
fn a_node_that_went_away_without_a_word_catches_up_when_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Node::open(NodeConfig::new(directory.path())).unwrap();
    let node = open();
    let hold = Hold {
        name: "archive".to_owned(),
        needs: Some(Lsn::new(1)),
    };
    let lsn = node.wal().append_hold(T, V, D, &hold).unwrap();
    node.wal().commit(lsn).unwrap();
    assert_eq!(node.catalog().applied(), Lsn::ZERO);
    drop(node);
    let node = open();
    assert_eq!(node.start().folded.records, 1);
    let state = node.control_state().unwrap();
    assert_eq!(state.holds.lowest(), Some(("archive", Lsn::new(1))));
    node.close().unwrap();
    assert_eq!(open().start().folded.records, 0);
}

fn hold(node: &Node, name: &str, needs: Option<u64>) {
    let hold = Hold {
        name: name.to_owned(),
        needs: needs.map(Lsn::new),
    };
    let lsn = node.wal().append_hold(T, V, D, &hold).unwrap();
    node.wal().commit(lsn).unwrap();
}

/// Lesson 18: truncation went ahead while somebody who had not answered still needed the records.
#[test]
fn nothing_goes_while_a_hold_has_not_said_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    assert_eq!(node.truncate_to_holds().unwrap(), Truncation::NoHold);
    hold(&node, "kv", Some(100));
    hold(&node, "archive", None);
    node.wal().rotate().unwrap();
    let archive = "archive".to_owned();
    let expected = Truncation::Unknown { hold: archive };
    assert_eq!(node.truncate_to_holds().unwrap(), expected);
    assert_eq!(node.wal().start_lsn(), Lsn::FIRST);
}

/// Lesson 24: progress markers were deleted with old segments before the catalog had them.
#[test]
fn what_goes_is_in_the_catalog_first_and_nothing_above_the_lowest_hold_goes() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let dropped = CollectionTombstoned {
        collection: "orders".to_owned(),
        purge_lsn: Lsn::new(4),
    };
    node.wal()
        .append_collection_tombstone(T, V, D, &dropped)
        .unwrap();
    hold(&node, "kv", Some(9)); // 2
    node.wal().rotate().unwrap();
    hold(&node, "archive", Some(3)); // 3, in the second segment
    node.wal().rotate().unwrap();
    hold(&node, "later", Some(8)); // 4, in the third
    node.wal().rotate().unwrap();
    let truncate = || match node.truncate_to_holds().unwrap() {
        Truncation::Done { held_by, .. } => (held_by, node.wal().start_lsn().value()),
        other => panic!("{other:?}"),
    };
    assert_eq!(truncate(), ("archive".to_owned(), 3));
    // It still hides record 3.
    assert_eq!(node.control_state().unwrap().dropped.len(), 1);
    hold(&node, "archive", Some(5));
    assert_eq!(truncate(), ("archive".to_owned(), 5));
    assert!(node.control_state().unwrap().dropped.is_empty());
    let holds = node.control_state().unwrap().holds;
    drop(node);
    let node = small_node(&directory);
    assert_eq!(node.start().folded.records, 0);
    assert_eq!(node.control_state().unwrap().holds, holds);
}
