//! The thread that drops what nobody needs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nodedb_wal::Lsn;
use nodedb_wal::payload::TemporalPurge;
use nodedb_wal::types::Timestamp;
use parking_lot::Mutex;

use super::support::{D, T, V, fill, small_config, small_node, write};
use crate::catalog::{Catalog, Medium};
use crate::{Keeper, KeeperStatus, Node, Truncation, WalManager};

/// Nothing here takes as long; it is how long a test that fails takes to say so.
const LONG: Duration = Duration::from_secs(60);

fn wait(keeper: &Keeper, what: &str, is_so: impl FnMut(&KeeperStatus) -> bool) -> KeeperStatus {
    let reached = keeper.wait_until(LONG, is_so);
    reached.unwrap_or_else(|| panic!("not {what}: {:?}", keeper.status()))
}

fn dropped(status: &KeeperStatus) -> usize {
    match &status.last {
        Some(Truncation::Done { truncated, .. }) => truncated.segments,
        _ => 0,
    }
}

/// Lesson 41: a poll every 200 ms decided when anything was freed.
#[test]
fn a_checkpoint_wakes_the_keeper_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let node = Arc::new(small_node(&directory));
    let last = fill(&node, 3);
    let keeper = Keeper::start(&node).unwrap();
    wait(&keeper, "at rest", |status| {
        status.last == Some(Truncation::NoHold)
    });
    node.checkpoint("kv", last).unwrap();
    let status = wait(&keeper, "truncated", |status| dropped(status) == 3);
    assert_eq!(node.wal().start_lsn(), last.next());
    // Records and commits alone are nothing to look at.
    for _ in 0..50 {
        write(&node, 10);
    }
    assert_eq!(keeper.status().looked, status.looked);
    let status = keeper.stop();
    assert!(status.failure.is_none());
    Arc::into_inner(node).unwrap().close().unwrap();
}

#[test]
fn a_log_that_grew_too_large_is_looked_at_when_a_segment_starts() {
    let directory = tempfile::tempdir().unwrap();
    let config = small_config(&directory).retained_bytes_max(Some(3 << 16));
    let node = Arc::new(Node::open(config).unwrap());
    node.set_hold("archive", Lsn::FIRST).unwrap();
    let keeper = Keeper::start(&node).unwrap();
    fill(&node, 1);
    let long = vec![7; 40_000];
    for _ in 0..6 {
        let payload = &long[..];
        node.wal()
            .append::<nodedb_wal::payload::Put>(T, V, D, payload)
            .unwrap();
    }
    node.wal().sync().unwrap();
    let status = wait(&keeper, "over", |status| status.over.is_some());
    let over = status.over.unwrap();
    assert_eq!(over.pins[0].hold, "archive");
    // However early it looked: what is too much is kept by the hold.
    assert!(over.over_bytes() > 0 && over.pins[0].bytes >= over.over_bytes());
    node.release_hold("archive").unwrap();
    node.checkpoint("kv", node.wal().durable_lsn()).unwrap();
    wait(&keeper, "small again", |status| status.over.is_none());
}

/// A node that lives long is not closed, and may have nothing to drop.
#[test]
fn a_trail_that_grew_is_sealed_without_closing_or_truncating() {
    let directory = tempfile::tempdir().unwrap();
    let config = small_config(&directory).seal_audit_every(Some(10));
    let node = Arc::new(Node::open(config).unwrap());
    let purge = |times: u64| {
        for purged in 0..times {
            let purge = TemporalPurge {
                collection: "orders".to_owned(),
                engine: "kv".to_owned(),
                cutoff: Timestamp::from_nanos(5),
                purged,
            };
            node.wal().append_temporal_purge(T, V, D, &purge).unwrap();
        }
        node.wal().sync().unwrap();
    };
    purge(9);
    let tended = node.tend().unwrap();
    assert_eq!(
        (tended.truncation, tended.sealed),
        (Some(Truncation::NoHold), None)
    );
    let keeper = Keeper::start(&node).unwrap();
    purge(1);
    node.wal().rotate().unwrap();
    let status = wait(&keeper, "sealed", |status| status.sealed.is_some());
    assert_eq!(status.sealed.unwrap().end.number, 10);
    // It was looked once what may go, and nothing moved since.
    assert_eq!(keeper.stop().last, None);
    let report = node.verify_audit().unwrap();
    assert_eq!((report.finding.is_none(), report.seals), (true, 1));
    // The seal is one of the next ten.
    purge(8);
    assert_eq!(node.tend().unwrap().sealed, None);
    purge(1);
    assert_eq!(node.tend().unwrap().sealed.unwrap().end.number, 20);
}

#[test]
fn time_alone_has_it_look_again() {
    let directory = tempfile::tempdir().unwrap();
    let config = small_config(&directory).truncate_every(Some(Duration::from_millis(1)));
    let node = Arc::new(Node::open(config).unwrap());
    let keeper = Keeper::start(&node).unwrap();
    wait(&keeper, "looking by itself", |status| status.looked > 3);
}

/// A medium in memory that fails from when it is told to.
#[derive(Debug, Default)]
struct Frail {
    bytes: Mutex<Vec<u8>>,
    is_broken: Arc<AtomicBool>,
}

impl Medium for Frail {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        bytes.copy_from_slice(&self.bytes.lock()[at..at + bytes.len()]);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        self.bytes.lock()[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.lock().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        match self.is_broken.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::Other.into()),
            false => Ok(()),
        }
    }
}

/// Lesson 16: a thread died and nobody noticed. And lesson 24: what the catalog could not take in stays.
#[test]
fn a_keeper_that_cannot_write_the_catalog_drops_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let medium = Frail::default();
    let is_broken = Arc::clone(&medium.is_broken);
    let wal = WalManager::open(small_config(&directory)).unwrap();
    let catalog = Catalog::open_on("memory", Box::new(medium)).unwrap();
    let node = Arc::new(Node::on(wal, catalog).unwrap());
    let last = fill(&node, 3);
    node.set_hold("kv", last).unwrap();
    is_broken.store(true, Ordering::Release);
    let keeper = Keeper::start(&node).unwrap();
    wait(&keeper, "told", |status| status.failure.is_some());
    assert_eq!(node.wal().start_lsn(), Lsn::FIRST);
    assert!(keeper.stop().failure.is_some());
}
