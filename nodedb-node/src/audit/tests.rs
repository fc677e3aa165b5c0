//! Trails of real logs in temporary directories: listed, and tampered with.

use nodedb_wal::payload::{AuditSeal, Hold, Put, TemporalPurge};
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, Timestamp, VshardId};
use nodedb_wal::{Config, Reader};
use tempfile::TempDir;

use super::{AuditFault, AuditFilter, AuditPlace, AuditReport, AuditTrail, purges, verify};
use crate::catalog::{AuditRow, Catalog};
use crate::control::{AuditChain, AuditDigest};
use crate::{NodeConfig, WalManager};

const V: VshardId = VshardId::new(3);

struct Fixture {
    directory: TempDir,
    wal: WalManager,
    catalog: Catalog,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path()).segment_bytes(Config::SEGMENT_BYTES_MIN);
        let wal = WalManager::open(NodeConfig::from(config)).unwrap();
        let catalog = Catalog::open(directory.path().join("catalog.redb")).unwrap();
        catalog.attach(wal.log_id(), &wal).unwrap();
        Self {
            directory,
            wal,
            catalog,
        }
    }

    /// Data, and purges of several tenants among it; ends with a rotation.
    fn write(&self, purges: u64) {
        for number in 0..purges {
            let tenant = TenantId::new(number % 3);
            let database = DatabaseId::new(number % 2);
            let put = Put {
                collection: "data".to_owned(),
                key: number.to_le_bytes().to_vec(),
                value: vec![1; 200],
            };
            self.wal.append_put(tenant, V, database, &put).unwrap();
            let purge = TemporalPurge {
                collection: format!("c{}", number % 4),
                engine: "kv".to_owned(),
                cutoff: Timestamp::from_nanos(i64::try_from(number).unwrap()),
                purged: number,
            };
            self.wal
                .append_temporal_purge(tenant, V, database, &purge)
                .unwrap();
            let hold = Hold {
                name: format!("h{number}"),
                needs: None,
            };
            self.wal.append_hold(tenant, V, database, &hold).unwrap();
        }
        self.wal.sync().unwrap();
        self.wal.rotate().unwrap();
    }

    fn fold(&self) {
        self.catalog.fold(&self.wal).unwrap();
    }

    /// Puts the end of the trail on record.
    fn seal(&self) -> Lsn {
        self.fold();
        let (through, end) = self.catalog.audit_end().unwrap().unwrap();
        let seal = AuditSeal {
            through,
            entries: end.number,
            digest: end.digest.as_bytes().to_vec(),
        };
        let (t, d) = (TenantId::new(0), DatabaseId::new(0));
        let lsn = self.wal.append_audit_seal(t, V, d, &seal).unwrap();
        self.wal.commit(lsn).unwrap();
        self.fold();
        lsn
    }

    fn verify(&self) -> AuditReport {
        verify(self.wal.log_id(), Some(&self.catalog), &self.wal).unwrap()
    }

    fn verify_log(&self) -> AuditReport {
        verify(self.wal.log_id(), None, &self.wal).unwrap()
    }

    fn rows(&self) -> Vec<AuditRow> {
        self.catalog
            .audit_rows(Lsn::ZERO, Lsn::MAX, usize::MAX)
            .unwrap()
    }

    fn list(&self, catalog: Option<&Catalog>, filter: &AuditFilter, after: Lsn) -> Vec<Lsn> {
        let mut trail = AuditTrail::open(catalog, &self.wal, filter.clone(), after).unwrap();
        let mut lsns = Vec::new();
        while let Some(entry) = trail.next().unwrap() {
            lsns.push(entry.record.header.lsn);
        }
        lsns
    }

    /// Makes the chain of the rows fit what they say, as somebody would who knows how.
    fn forge_links(&self) {
        let mut chain = AuditChain::of(self.wal.log_id());
        for row in self.rows() {
            let link = chain.add(AuditDigest::of_entry(row.entry_bytes()));
            let forged = AuditRow::made_of(link, row.entry_bytes());
            self.catalog.tamper_with_audit(row.lsn, Some(&forged));
        }
    }
}

fn found(report: &AuditReport) -> Option<(u64, AuditPlace)> {
    let finding = report.finding.as_ref();
    finding.map(|finding| (finding.lsn.value(), finding.place))
}

#[test]
fn the_trail_is_the_same_from_the_catalog_from_the_log_and_from_both() {
    let fixture = Fixture::new();
    fixture.write(20);
    fixture.fold();
    let behind = fixture.catalog.applied();
    fixture.write(20);
    let filters = [
        AuditFilter::default(),
        AuditFilter::of_kind(RecordKind::TemporalPurge),
        AuditFilter {
            kinds: vec![RecordKind::TemporalPurge, RecordKind::AuditSeal],
            tenant: Some(TenantId::new(1)),
            ..AuditFilter::default()
        },
        AuditFilter {
            collection: Some("c1".to_owned()),
            database: Some(DatabaseId::new(1)),
            ..AuditFilter::default()
        },
        AuditFilter {
            times: Some(Timestamp::MIN..=Timestamp::from_nanos(0)),
            ..AuditFilter::default()
        },
    ];
    let lengths = [80, 40, 14, 10, 0];
    let check = |count: &str| {
        for (filter, length) in filters.iter().zip(lengths) {
            let from_log = fixture.list(None, filter, Lsn::ZERO);
            assert_eq!(from_log.len(), length, "{count}, {filter:?}");
            for after in [Lsn::ZERO, Lsn::new(7), behind, behind.next(), Lsn::new(119)] {
                let expected: Vec<Lsn> = from_log
                    .iter()
                    .copied()
                    .filter(|lsn| *lsn > after)
                    .collect();
                let listed = fixture.list(Some(&fixture.catalog), filter, after);
                assert_eq!(listed, expected, "{count}, {filter:?} after {after}");
                assert_eq!(
                    fixture.list(None, filter, after),
                    expected,
                    "{count}, {filter:?}"
                );
            }
        }
    };
    check("half in the catalog");
    fixture.fold();
    check("all in the catalog");
}

/// Lesson 26: a cursor stored as a position in a list skipped or repeated entries after old files
/// were removed.
#[test]
fn purges_are_delivered_once_each_while_segments_go() {
    let fixture = Fixture::new();
    let (mut cursor, mut seen) = (Lsn::ZERO, Vec::new());
    for round in 0..6 {
        fixture.write(10);
        if round % 2 == 0 {
            fixture.seal();
            fixture
                .wal
                .truncate_before(fixture.catalog.applied())
                .unwrap();
        }
        let filter = AuditFilter {
            tenant: Some(TenantId::new(1)),
            ..AuditFilter::default()
        };
        loop {
            let catalog = Some(&fixture.catalog);
            let page = purges(catalog, &fixture.wal, filter.clone(), cursor, 2).unwrap();
            assert!(page.purges.len() <= 2 && page.cursor >= cursor);
            cursor = page.cursor;
            let numbers = page.purges.iter().map(|purge| {
                assert_eq!(
                    (purge.engine.as_str(), purge.tenant),
                    ("kv", TenantId::new(1))
                );
                assert_eq!(
                    purge.cutoff.as_nanos(),
                    i64::try_from(purge.purged).unwrap()
                );
                purge.purged
            });
            seen.extend(numbers);
            if !page.has_more {
                break;
            }
        }
    }
    assert!(fixture.wal.start_lsn() > Lsn::FIRST);
    let each: Vec<u64> = (0..6).flat_map(|_| [1, 4, 7]).collect();
    assert_eq!(seen, each);
}

#[test]
fn a_trail_nobody_touched_is_sound_with_and_without_the_catalog_and_the_beginning() {
    let fixture = Fixture::new();
    assert_eq!(fixture.verify().entries, 0);
    fixture.write(10);
    fixture.seal();
    fixture.write(10);
    let second = fixture.seal();
    fixture.write(10);
    let counts = |report: &AuditReport| {
        assert!(report.finding.is_none(), "{:?}", report.finding);
        (
            report.entries,
            report.compared,
            report.seals,
            report.unsealed,
        )
    };
    let whole = fixture.verify_log();
    assert_eq!(counts(&whole), (62, 0, 2, 20));
    assert_eq!(counts(&fixture.verify()), (62, 42, 2, 20));
    fixture.fold();
    assert_eq!(fixture.verify().end, whole.end);
    fixture.wal.truncate_before(second).unwrap();
    assert_eq!(fixture.wal.start_lsn(), second);
    // The seal at the start covers what is gone: the chain starts with it.
    let rest = fixture.verify_log();
    assert_eq!(counts(&rest), (21, 0, 1, 20));
    assert_eq!(rest.end, whole.end);
    let both = fixture.verify();
    assert_eq!((counts(&both), both.end), ((62, 21, 2, 20), whole.end));
}

/// Each byte of each row is changed, each row is taken away, and one is put in.
#[test]
fn whatever_is_changed_in_the_catalog_is_found_and_named() {
    let fixture = Fixture::new();
    fixture.write(3);
    fixture.seal();
    fixture.write(3);
    fixture.fold();
    let rows = fixture.rows();
    for (at, row) in rows.iter().enumerate() {
        for byte in 0..row.stored().len() {
            let mut changed = row.stored().to_vec();
            changed[byte] ^= 0x10;
            fixture.catalog.tamper_with_audit(row.lsn, Some(&changed));
            let expected = Some((row.lsn.value(), AuditPlace::Catalog));
            assert_eq!(
                found(&fixture.verify()),
                expected,
                "byte {byte} of {}",
                row.lsn
            );
        }
        fixture.catalog.tamper_with_audit(row.lsn, None);
        let report = fixture.verify();
        let expected = Some((row.lsn.value(), AuditPlace::Log));
        assert_eq!(found(&report), expected, "{:?} of row {at}", report.finding);
        fixture
            .catalog
            .tamper_with_audit(row.lsn, Some(row.stored()));
    }
    assert_eq!(found(&fixture.verify()), None);
    // LSN 1 is data.
    fixture
        .catalog
        .tamper_with_audit(Lsn::new(1), Some(rows[0].stored()));
    assert_eq!(found(&fixture.verify()), Some((1, AuditPlace::Catalog)));
}

/// Somebody who changes an entry and knows how to make the chain fit again is found by the log, and
/// when the entry's segment is gone, by the seals in the segments that are left.
#[test]
fn a_chain_that_was_made_to_fit_again_is_found_by_the_log_and_by_the_seals() {
    let fixture = Fixture::new();
    fixture.write(5);
    let seal = fixture.seal();
    fixture.write(5);
    fixture.fold();
    let rows = fixture.rows();
    let forge = |change: &dyn Fn()| {
        change();
        fixture.forge_links();
        let report = fixture.verify();
        for row in &rows {
            fixture
                .catalog
                .tamper_with_audit(row.lsn, Some(row.stored()));
        }
        assert_eq!(found(&fixture.verify()), None);
        report
    };
    let victim = &rows[2];
    let swap = || {
        // Another entry's payload of the same length, under the victim's number.
        let mut changed = victim.stored().to_vec();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        fixture
            .catalog
            .tamper_with_audit(victim.lsn, Some(&changed));
    };
    let remove = || fixture.catalog.tamper_with_audit(victim.lsn, None);
    let report = forge(&swap);
    assert!(matches!(
        report.finding.map(|f| f.fault),
        Some(AuditFault::Differs)
    ));
    let report = forge(&remove);
    assert!(matches!(
        report.finding.map(|f| f.fault),
        Some(AuditFault::NotInCatalog)
    ));
    fixture.wal.truncate_before(seal).unwrap();
    assert_eq!(fixture.wal.start_lsn(), seal);
    for change in [&swap as &dyn Fn(), &remove] {
        let report = forge(change);
        assert_eq!(found(&report), Some((seal.value(), AuditPlace::Catalog)));
        assert!(matches!(
            report.finding.map(|f| f.fault),
            Some(AuditFault::Seal { .. })
        ));
    }
}

#[test]
fn one_changed_byte_of_the_log_is_found_with_and_without_the_catalog() {
    let fixture = Fixture::new();
    fixture.write(10);
    fixture.seal();
    let bytes = std::fs::read(segment(&fixture)).unwrap();
    let needle = b"\xa2h7";
    let at = bytes
        .windows(3)
        .position(|window| window == needle)
        .unwrap();
    for (offset, bit) in [(0, 1), (1, 4), (2, 1)] {
        let mut damaged = bytes.clone();
        damaged[at + offset] ^= bit;
        std::fs::write(segment(&fixture), damaged).unwrap();
        for catalog in [Some(&fixture.catalog), None] {
            let reader = Reader::open_damaged(fixture.directory.path()).unwrap();
            let report = verify(fixture.wal.log_id(), catalog, &reader).unwrap();
            assert_eq!(found(&report), Some((24, AuditPlace::Log)));
        }
    }
}

/// The first segment's file.
fn segment(fixture: &Fixture) -> std::path::PathBuf {
    fixture
        .directory
        .path()
        .join("wal-00000000000000000001.seg")
}

#[test]
fn looking_at_a_catalog_changes_nothing_in_its_file() {
    let fixture = Fixture::new();
    fixture.write(10);
    fixture.fold();
    let path = fixture.catalog.path().to_owned();
    let Fixture {
        directory,
        wal,
        catalog,
    } = fixture;
    // As a kill would leave it.
    let copy = directory.path().join("copy.redb");
    std::fs::copy(&path, &copy).unwrap();
    drop(catalog);
    for path in [path, copy] {
        let before = std::fs::read(&path).unwrap();
        let look = Catalog::open_to_look(&path).unwrap();
        look.attach(wal.log_id(), &wal).unwrap();
        let report = verify(wal.log_id(), Some(&look), &wal).unwrap();
        assert_eq!((report.entries, found(&report)), (20, None));
        drop(look);
        assert!(std::fs::read(&path).unwrap() == before);
    }
}
