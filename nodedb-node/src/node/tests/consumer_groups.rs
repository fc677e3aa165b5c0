//! Consumers whose members share the records by vshard.

use std::collections::BTreeMap;

use nodedb_wal::Lsn;
use nodedb_wal::payload::Put;
use nodedb_wal::types::VshardId;

use super::consumers::{fault, lsn, take};
use super::support::{D, T, small_node};
use crate::consumers::{Consumer, ConsumerSpec};
use crate::{ConsumerFault, Node};

fn write(node: &Node, vshard: u32) -> Lsn {
    let payload = vshard.to_le_bytes();
    let wal = node.wal();
    let lsn = wal
        .append::<Put>(T, VshardId::new(vshard), D, &payload[..])
        .unwrap();
    wal.commit(lsn).unwrap();
    lsn
}

fn group(node: &Node, partitions: u32) {
    let spec = ConsumerSpec {
        partitions,
        ..ConsumerSpec::new("g")
    };
    node.add_consumer(&spec).unwrap();
}

fn partitions(member: &Consumer<'_>) -> Vec<u32> {
    member.partitions().collect()
}

#[test]
fn members_have_vshards_of_their_own_and_those_of_one_that_leaves_are_delivered_again() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    group(&node, 4); // 1, of vshard 0
    for vshard in 0..8 {
        write(&node, vshard); // 2..=9
    }
    let mut b = node.join_consumer("g", "b").unwrap();
    assert_eq!(partitions(&b), [0, 1, 2, 3]);
    let mut a = node.join_consumer("g", "a").unwrap();
    assert_eq!(take(&mut a), [1, 2, 4, 6, 8], "vshards 0, 2, 4, 6");
    assert_eq!(take(&mut b), [3, 5, 7, 9]);
    assert_eq!((partitions(&a), partitions(&b)), (vec![0, 2], vec![1, 3]));
    assert_eq!(
        fault(node.join_consumer("g", "a").map(drop)),
        ConsumerFault::InUse {
            member: "a".to_owned()
        }
    );
    a.acknowledge(lsn(4)).unwrap();
    b.acknowledge(lsn(9)).unwrap();
    drop(a);
    assert_eq!(take(&mut b), [6, 8], "what a had not acknowledged");
    // Its partitions are needed until they are acknowledged: the lowest is what counts.
    node.write_cursors().unwrap();
    let held = |node: &Node| node.holds().unwrap().find("consumer/g").unwrap().needs;
    // Record 5 is none of theirs. Passing it is put on record where that frees a segment, and where
    // segments begin is a matter of time.
    let needs = held(&node).unwrap();
    assert!(needs == lsn(5) || needs == lsn(6), "{needs}");
    b.acknowledge(lsn(8)).unwrap();
    node.write_cursors().unwrap();
    assert_eq!(held(&node), Some(lsn(10)));
}

#[test]
fn a_member_that_goes_by_what_is_not_so_any_more_neither_skips_nor_takes_from_others() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    group(&node, 2); // 1
    let mut a = node.join_consumer("g", "a").unwrap();
    for vshard in [1, 0, 1, 0] {
        write(&node, vshard); // 2..=5
    }
    assert_eq!(take(&mut a), [1, 2, 3, 4, 5]);
    let mut b = node.join_consumer("g", "b").unwrap();
    assert_eq!(take(&mut b), [2, 4], "partition 1 is b's now");
    // What a has processed of it was processed.
    a.acknowledge(lsn(3)).unwrap();
    drop(b);
    let mut b = node.join_consumer("g", "b").unwrap();
    assert_eq!(take(&mut b), [4]);
    assert_eq!(take(&mut a), [5], "in flight when the partitions changed");
    b.acknowledge(lsn(4)).unwrap();
    a.acknowledge(lsn(5)).unwrap();
    assert_eq!(a.position().acknowledged, node.wal().durable_lsn());
    // More members than partitions.
    let mut c = node.join_consumer("g", "c").unwrap();
    assert_eq!(take(&mut c), [] as [u64; 0]);
    assert_eq!(partitions(&c), [] as [u32; 0]);
    assert_eq!(
        fault(c.resume_partition_at(1, lsn(5))),
        ConsumerFault::NotOurs { partition: 1 }
    );
}

/// Members come, go, acknowledge a part and forget the rest, in an order that a seed repeats: every
/// record is delivered, in the order of its vshard, and none is lost to a change of members.
#[test]
fn whoever_comes_and_goes_each_vshards_records_are_processed_in_order() {
    for seed in 0..40 {
        let directory = tempfile::tempdir().unwrap();
        let node = small_node(&directory);
        let mut random = fastrand::Rng::with_seed(seed);
        group(&node, 5);
        let mut processed: BTreeMap<u64, u64> = BTreeMap::new();
        let mut written = Vec::new();
        let mut members: Vec<Consumer<'_>> = Vec::new();
        for step in 0..200 {
            match random.u32(..10) {
                0 if members.len() < 4 => {
                    let name = format!("m{step}");
                    members.push(node.join_consumer("g", &name).unwrap());
                }
                1 if members.len() > 1 => {
                    let at = random.usize(..members.len());
                    drop(members.swap_remove(at));
                }
                2..=5 => written.push(write(&node, random.u32(..12))),
                _ if !members.is_empty() => {
                    let at = random.usize(..members.len());
                    work(&mut members[at], random.usize(..4), &mut processed);
                }
                _ => {}
            }
        }
        if members.is_empty() {
            members.push(node.join_consumer("g", "last").unwrap());
        }
        for member in &mut members {
            work(member, usize::MAX, &mut processed);
        }
        for lsn in written {
            assert!(processed.contains_key(&lsn.value()), "seed {seed}: {lsn}");
        }
    }
}

/// Processes and acknowledges up to so many records. One whose vshard's record before is not
/// processed is out of order.
fn work(member: &mut Consumer<'_>, count: usize, processed: &mut BTreeMap<u64, u64>) {
    for _ in 0..count {
        let Some(record) = member.next().unwrap() else {
            return;
        };
        let (lsn, vshard) = (record.lsn(), u64::from(record.header.scope.vshard.value()));
        let later = processed.range(lsn.value() + 1..);
        let is_again = processed.contains_key(&lsn.value());
        let overtaken = later.into_iter().any(|(_, other)| *other == vshard);
        assert!(
            is_again || !overtaken,
            "{lsn} of vshard {vshard} comes late"
        );
        processed.insert(lsn.value(), vshard);
        member.acknowledge(lsn).unwrap();
    }
}
