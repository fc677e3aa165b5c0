//! Footers whose checksums fit and whose grains are not those of the records.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

use super::footer::{Grain, grains, reseal};
use super::{RARE, read, written};

/// The one segment of the log: its name, its bytes, and where its footer is.
fn sealed(disk: &SimDisk, reader: &Reader) -> (String, Vec<u8>, usize) {
    let segments = reader.segments().unwrap();
    assert_eq!(segments.len(), 1);
    let name = segments[0].path.file_name().unwrap().to_str().unwrap();
    let footer = segments[0].data_bytes.next_multiple_of(4096);
    let bytes = disk.read_file(name).unwrap();
    (name.to_owned(), bytes, usize::try_from(footer).unwrap())
}

/// Where a grain starts, or how many records are in front of it, is not what the footer says: the
/// records between two places of the footer are not the ones it counts there. What a read for a tenant
/// delivered then depended on the lie.
#[test]
fn a_grain_that_starts_elsewhere_than_the_footer_says_hides_no_record() {
    let disk = SimDisk::new(1);
    let reader = written(&disk);
    let rare = read(&reader, ReadOptions::all().tenant(RARE)).0;
    let (name, bytes, footer) = sealed(&disk, &reader);
    let zones = grains(&bytes, footer);
    let check = |lie: &dyn Fn(&mut [u8])| {
        let mut forged = bytes.clone();
        lie(&mut forged);
        reseal(&mut forged, footer);
        disk.write_file(&name, &forged);
        assert!(read(&reader, ReadOptions::all().tenant(RARE)).0 == rare);
        let findings = reader.verify(&mut |_, _| {}).unwrap().findings;
        assert_eq!(findings.len(), 1, "{findings:?}");
    };
    let first: &[Grain] = &zones[0];
    assert!(first.len() > 20, "{first:?}");
    for grain in &first[1..] {
        for by in [1, 20] {
            // A record takes 320 bytes, 20 steps.
            check(&|file| grain.set_steps(file, grain.steps(&bytes) + by));
            check(&|file| grain.set_steps(file, grain.steps(&bytes) - by));
        }
        check(&|file| grain.set_records_before(file, grain.records_before(&bytes) + 1));
        check(&|file| grain.set_records_before(file, grain.records_before(&bytes) - 1));
    }
    // All grains of a zone but its first, by a record.
    check(&|file| {
        for grain in &zones[1][1..] {
            grain.set_steps(file, grain.steps(&bytes) + 20);
        }
    });
}

/// The first grain of each zone says what the last did, and so on.
fn turn_round(file: &mut [u8], zones: &[Vec<Grain>]) {
    for zone in zones {
        let masks: Vec<u64> = zone.iter().map(|grain| grain.tenants(file)).collect();
        for (grain, mask) in zone.iter().rev().zip(masks) {
            grain.set_tenants(file, mask);
        }
    }
}

/// Of a tenant that no grain owns up to, the footer is not believed. One that puts it into another grain
/// has a right sum: nobody but who reads everything can tell, as `verify` does.
#[test]
fn a_footer_whose_grains_leave_a_tenant_out_is_not_believed() {
    let disk = SimDisk::new(1);
    let reader = written(&disk);
    let rare = read(&reader, ReadOptions::all().tenant(RARE)).0;
    let (name, bytes, footer) = sealed(&disk, &reader);
    let zones = grains(&bytes, footer);
    let common = zones[0]
        .iter()
        .fold(u64::MAX, |mask, grain| mask & grain.tenants(&bytes));
    let mut forged = bytes.clone();
    for grain in zones.iter().flatten() {
        grain.set_tenants(&mut forged, common);
    }
    reseal(&mut forged, footer);
    disk.write_file(&name, &forged);
    assert!(read(&reader, ReadOptions::all().tenant(RARE)).0 == rare);
    assert_eq!(reader.verify(&mut |_, _| {}).unwrap().findings.len(), 1);

    let mut forged = bytes.clone();
    turn_round(&mut forged, &zones);
    reseal(&mut forged, footer);
    disk.write_file(&name, &forged);
    let found = read(&reader, ReadOptions::all().tenant(RARE)).0;
    assert!(found.iter().all(|it| rare.contains(it)));
    assert_eq!(reader.verify(&mut |_, _| {}).unwrap().findings.len(), 1);
}

/// The footer of another life of the file, or of another file, stands where the footer should.
#[test]
fn the_footer_of_another_segment_is_not_believed() {
    let disk = SimDisk::new(1);
    let reader = written(&disk);
    let rare = read(&reader, ReadOptions::all().tenant(RARE)).0;
    let (name, bytes, footer) = sealed(&disk, &reader);
    let other = SimDisk::new(2);
    let (_, mut of_other, its_footer) = sealed(&other, &written(&other));
    assert_eq!((bytes.len(), footer), (of_other.len(), its_footer));
    // It is whole where it belongs, and says what does not go for this segment.
    let zones = grains(&of_other, footer);
    turn_round(&mut of_other, &zones);
    reseal(&mut of_other, footer);
    let mut swapped = bytes.clone();
    let end = bytes.len() - 4096;
    swapped[footer..end].copy_from_slice(&of_other[footer..end]);
    disk.write_file(&name, &swapped);
    assert!(read(&reader, ReadOptions::all().tenant(RARE)).0 == rare);
    assert_eq!(reader.verify(&mut |_, _| {}).unwrap().findings.len(), 1);
}
