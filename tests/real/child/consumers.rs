//! A node with a writer, three consumers at different speeds and a keeper, until it is killed; or the
//! consumers alone, until there is nothing more. What a consumer has processed is a line in a file of
//! its own; the lines of one of them are its cursor too.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use nodedb_node::consumers::{Consumer, ConsumerSpec};
use nodedb_node::{ConsumerFault, Error, Keeper, Node, NodeConfig};
use nodedb_wal::payload::Put;
use nodedb_wal::types::{DatabaseId, RecordKind, TenantId, VshardId};
use nodedb_wal::{Config, Lsn};

/// The consumers, and how many records each takes before it gives way.
const CONSUMERS: [(&str, u64); 3] = [("fast", 400), ("slow", 7), ("own", 60)];

/// `DIRECTORY live|drain`.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let directory = arguments.next().unwrap();
    let is_draining = arguments.next().as_deref() == Some("drain");
    let directory = Path::new(&directory);
    let log = Config::new(directory.join("log")).segment_bytes(Config::SEGMENT_BYTES_MIN);
    let node = Arc::new(Node::open(NodeConfig::from(log)).unwrap());
    for (name, _) in CONSUMERS {
        let mut spec = ConsumerSpec::new(name);
        spec.filter.kinds = vec![RecordKind::Put];
        match node.add_consumer(&spec) {
            Ok(_) => {}
            Err(Error::Consumer {
                source: ConsumerFault::Exists,
                ..
            }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let keeper = Keeper::start(&node).unwrap();
    std::thread::scope(|scope| {
        for (name, count) in CONSUMERS {
            let node = &node;
            scope.spawn(move || consume(node, directory, name, count, is_draining));
        }
        if !is_draining {
            scope.spawn(|| write(&node));
        }
    });
    drop(keeper);
    Arc::into_inner(node).unwrap().close().unwrap();
    ExitCode::SUCCESS
}

/// Writes rows for ever, and says which are durable.
fn write(node: &Node) {
    let (tenant, database) = (TenantId::new(1), DatabaseId::new(1));
    for step in 0_u32.. {
        let row = vec![7; 100 + usize::try_from(step % 1_500).unwrap()];
        let vshard = VshardId::new(step % 5);
        let lsn = node.wal().append::<Put>(tenant, vshard, database, &row[..]);
        let lsn = lsn.unwrap();
        node.wal().commit(lsn).unwrap();
        // Nobody listens any more once this is killed.
        io::stdout()
            .lock()
            .write_all(format!("{lsn}\n").as_bytes())
            .unwrap();
    }
}

fn consume(node: &Node, directory: &Path, name: &str, count: u64, is_draining: bool) {
    let (mut file, last) = open(&directory.join(name));
    let mut consumer = node.consumer(name).unwrap();
    let is_own = name == "own";
    if is_own {
        consumer.resume_at(last).unwrap();
    }
    for round in 0_u64.. {
        let taken = take(&mut consumer, &mut file, count);
        match taken {
            Some(last) if round % 64 == 9 => consumer.acknowledge_durably(last).unwrap(),
            // Now and then it takes more before it says so.
            Some(last) if round % 3 != 0 => consumer.acknowledge(last).unwrap(),
            Some(_) => {}
            None if is_draining => return,
            None => std::thread::yield_now(),
        }
    }
}

/// Processes some records; the last of them.
fn take(consumer: &mut Consumer<'_>, file: &mut File, count: u64) -> Option<Lsn> {
    let mut last = None;
    for _ in 0..count {
        let Some(record) = consumer.next().unwrap() else {
            break;
        };
        let line = format!("{} {}\n", record.lsn(), record.payload.len());
        last = Some(record.lsn());
        file.write_all(line.as_bytes()).unwrap();
    }
    last
}

/// The file of a consumer, and the last record in it.
fn open(path: &Path) -> (File, Lsn) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    // A line that was cut off was not processed.
    file.set_len(whole as u64).unwrap();
    let last = text[..whole].lines().next_back();
    let last = last.and_then(|line| line.split(' ').next());
    (
        file,
        last.map_or(Lsn::ZERO, |lsn| Lsn::new(lsn.parse().unwrap())),
    )
}
