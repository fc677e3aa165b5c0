//! How far consumers are behind, and what is done with those that are too far.

use std::sync::Arc;
use std::time::Duration;

use nodedb_wal::Lsn;
use nodedb_wal::payload::WhenOver;

use super::consumers::{add, fault, lsn, take};
use super::support::{fill, small_config, small_node, write};
use crate::consumers::{ConsumerSpec, LagLimit};
use crate::{ConsumerFault, Keeper, Node};

fn limited(name: &str, records: u64, when_over: WhenOver) -> ConsumerSpec {
    ConsumerSpec {
        limit: LagLimit {
            records: Some(records),
            when_over,
            ..LagLimit::default()
        },
        ..ConsumerSpec::new(name)
    }
}

#[test]
fn a_lag_is_told_in_records_bytes_and_time_and_is_none_when_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    add(&node, "c");
    let lag = |node: &Node| node.consumers().unwrap()[0].lag.unwrap();
    let mut consumer = node.consumer("c").unwrap();
    let last = fill(&node, 4);
    let segments = node.wal().list_segments().unwrap();
    let data: u64 = segments.iter().map(|segment| segment.data_bytes).sum();
    let whole = lag(&node);
    assert_eq!(whole.records, last.value());
    // The header of the first segment is no record.
    assert_eq!(whole.bytes, data - 4096);
    assert!(whole.waited < Duration::from_secs(600));
    take(&mut consumer);
    consumer.acknowledge(lsn(3)).unwrap();
    let rest = lag(&node);
    assert_eq!(rest.records, whole.records - 3);
    assert!(0 < rest.bytes && rest.bytes < whole.bytes, "{rest:?}");
    consumer.acknowledge_durably(last).unwrap();
    assert_eq!(
        lag(&node).records,
        0,
        "its own cursor is nothing to be behind"
    );
    assert_eq!(lag(&node).waited, Duration::ZERO);
}

#[test]
fn a_consumer_over_its_limit_is_reported_or_dropped_and_told_where_it_can_start_again() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    node.add_consumer(&limited("kept", 5, WhenOver::Report))
        .unwrap();
    node.add_consumer(&limited("gone", 5, WhenOver::Drop))
        .unwrap();
    let mut open = node.consumer("gone").unwrap();
    assert_eq!(open.next().unwrap().unwrap().lsn(), lsn(1));
    assert!(node.tend().unwrap().stalled.is_empty());
    fill(&node, 4);
    let stalled = node.tend().unwrap().stalled;
    let told: Vec<_> = stalled
        .iter()
        .map(|one| (one.consumer.as_str(), one.is_dropped, one.over.as_str()))
        .collect();
    // The seal that truncation wrote is among them.
    let over = "7 records behind, 5 allowed";
    assert_eq!(told, [("gone", true, over), ("kept", false, over)]);
    assert!(node.holds().unwrap().find("consumer/gone").is_none());
    assert!(node.holds().unwrap().find("consumer/kept").is_some());
    let dropped = |node: &Node| fault(node.consumer("gone").map(drop));
    let expected = |restart| ConsumerFault::Dropped {
        acknowledged: Lsn::ZERO,
        over: over.to_owned(),
        restart,
    };
    assert_eq!(dropped(&node), expected(lsn(1)));
    assert_eq!(fault(open.next().map(|_| ())), expected(lsn(1)));
    drop(open);
    // Nobody else needs what it had not seen.
    node.drop_consumer("kept").unwrap();
    node.set_hold("archive", lsn(5)).unwrap();
    node.truncate_to_holds().unwrap();
    drop(node);
    let node = small_node(&directory);
    assert_eq!(node.wal().start_lsn(), lsn(5));
    assert_eq!(dropped(&node), expected(lsn(5)));
    let status = &node.consumers().unwrap()[0];
    assert!(status.lag.is_none() && status.state.dropped.is_some());
    assert_eq!(
        node.add_consumer(&ConsumerSpec::new("gone")).unwrap(),
        lsn(5)
    );
    assert_eq!(take(&mut node.consumer("gone").unwrap()).first(), Some(&5));
}

/// The keeper drops a consumer that stalled, and the segments only it needed, without being asked.
#[test]
fn a_keeper_drops_a_stalled_consumer_and_what_only_that_needed() {
    let directory = tempfile::tempdir().unwrap();
    let node = Arc::new(Node::open(small_config(&directory)).unwrap());
    node.add_consumer(&limited("stalled", 6, WhenOver::Drop))
        .unwrap();
    add(&node, "live");
    let keeper = Keeper::start(&node).unwrap();
    let mut live = node.consumer("live").unwrap();
    for _ in 0..8 {
        fill(&node, 1);
        let last = take(&mut live).last().copied().unwrap();
        live.acknowledge(lsn(last)).unwrap();
    }
    node.wal().rotate().unwrap();
    let long = Duration::from_secs(60);
    let status = keeper.wait_until(long, |status| !status.dropped.is_empty());
    assert_eq!(status.unwrap().dropped[0].consumer, "stalled");
    write(&node, 10);
    let last = take(&mut live).last().copied().unwrap();
    live.acknowledge_durably(lsn(last)).unwrap();
    let status = keeper.wait_until(long, |_| node.wal().start_lsn() > lsn(5));
    assert!(status.is_some(), "{:?}", keeper.status());
    assert!(keeper.stop().failure.is_none());
}
