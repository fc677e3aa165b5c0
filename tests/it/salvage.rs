//! Looking at a damaged log: what is left of it comes back, and what is missing is named.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

/// What a read gives until it ends or says the same thing twice.
fn read_through(mut records: Records) -> (Vec<u64>, Vec<(u64, u64)>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    loop {
        match records.next() {
            Ok(Some(record)) => found.push(record.lsn().value()),
            Ok(None) => return (found, missing),
            Err(Error::MissingSegment { lsns, .. } | Error::Damaged { lsns, .. }) => {
                let lsns = (lsns.first.value(), lsns.last.value());
                if missing.last() == Some(&lsns) {
                    return (found, missing);
                }
                missing.push(lsns);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Somebody removed, or the disk spoiled, segments in the middle of a log. Whoever then looked at
/// what was left waited for ever: the read came to the end of the segment in front of the gap and
/// looked for the next record in that very segment, again and again.
#[test]
fn a_read_over_missing_segments_names_what_is_missing_and_a_salvage_goes_on_behind() {
    let disk = SimDisk::new(1);
    let config = Config::on(disk.storage()).segment_bytes(64 << 10);
    let log = Log::open(config).unwrap();
    let scope = Scope::default();
    for lsn in 1..=10_u64 {
        log.append(&Record::raw(RecordKind::Put, scope, &lsn.to_le_bytes()))
            .unwrap();
        if lsn % 2 == 0 {
            log.rotate().unwrap();
        }
    }
    log.close().unwrap();
    disk.kill_process();
    let check = |lost: &[u64], found: &[u64], missing: &[(u64, u64)]| {
        let removed = disk.fork();
        let spoiled = disk.fork();
        for first in lost {
            let name = format!("wal-{first:020}.seg");
            removed.remove_file(&name).unwrap();
            spoiled.patch(&name, 0, &[0; 4096]).unwrap();
        }
        for damaged in [removed, spoiled] {
            let reader = Reader::open_damaged_on(damaged.storage()).unwrap();
            let salvaged = read_through(reader.read(ReadOptions::all().salvage()).unwrap());
            assert_eq!(salvaged, (found.to_vec(), missing.to_vec()));
            let strict = read_through(reader.read(ReadOptions::all()).unwrap());
            let in_front = found.iter().take_while(|lsn| **lsn < missing[0].0);
            assert_eq!(strict, (in_front.copied().collect(), missing[..1].to_vec()));
        }
    };
    check(&[3], &[1, 2, 5, 6, 7, 8, 9, 10], &[(3, 4)]);
    check(&[3, 5], &[1, 2, 7, 8, 9, 10], &[(3, 6)]);
    check(&[3, 7], &[1, 2, 5, 6, 9, 10], &[(3, 4), (7, 8)]);
}
