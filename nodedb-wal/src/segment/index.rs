//! Builds a segment's index record by record, while the segment is written or walked.

use std::collections::BTreeMap;

use crate::format::RecordHeader;
use crate::format::footer::{
    GRAIN_BYTES, Grains, ID_COUNTS_MAX, IdCounts, IdMask, SegmentIndex, Span, Usage, Usages,
    ZONE_BYTES, Zone,
};
use crate::types::{CollectionTag, Epoch, KindCode, Lsn, RecordKind, Scope, Timestamp};

/// The index of the records so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexBuilder {
    index: Option<SegmentIndex>,
    /// Records in a row that differ only in time, epoch and payload, counted here until another
    /// comes or their zone ends: taking each of them into the index would cost more than the rest
    /// of an append.
    run: Option<Run>,
    /// Those of the zones so far, beside the index: most who ask for it have no use for them.
    grains: Grains,
    /// Where the last grain ends: the next record from here on begins another.
    grain_end: u64,
    writes: u64,
}

/// Records in a row of one kind, scope and collection, in one zone.
#[derive(Clone, Copy, Debug)]
struct Run {
    kind: KindCode,
    scope: Scope,
    collection: CollectionTag,
    is_control: bool,
    /// Where the grain ends that the run is in: the last.
    end: u64,
    records: u64,
    payload_bytes: u64,
    last_lsn: Lsn,
    time: Span<Timestamp>,
    epoch: Span<Epoch>,
}

impl IndexBuilder {
    /// Takes in the record that starts at `offset`.
    #[inline]
    pub(crate) fn add(&mut self, header: &RecordHeader, offset: u64) {
        let is_control = match &mut self.run {
            Some(run) if run.goes_on_with(header, offset) => {
                run.include(header);
                run.is_control
            }
            _ => self.go_on(header, offset),
        };
        if is_control && let Some(index) = &mut self.index {
            index.controls.push(offset);
        }
    }

    /// Takes in a record that begins a run, a grain, or both; whether it is a control record.
    #[inline(never)]
    fn go_on(&mut self, header: &RecordHeader, offset: u64) -> bool {
        let index = self.index.get_or_insert_with(|| empty_index(header));
        if index.zones.last().is_none_or(|zone| offset >= zone.end()) {
            // Of the zone before: its last run is counted into it.
            if let Some(ended) = self.run.take() {
                ended.count_into(index);
            }
            self.grains.end_zone();
            index.zones.push(new_zone(header, offset));
            self.grain_end = offset;
        }
        let begins_grain = offset >= self.grain_end;
        if begins_grain {
            self.grain_end = begin_grain(&index.zones, &mut self.grains, header, offset);
        }
        if let Some(run) = self.run.as_mut().filter(|run| run.is_of(header)) {
            run.end = self.grain_end;
            run.include(header);
            return run.is_control;
        }
        if let Some(ended) = self.run.take() {
            ended.count_into(index);
        }
        if let Some(zone) = index.zones.last_mut() {
            zone.add(header);
        }
        if !begins_grain {
            self.grains.add(index.zones.len().saturating_sub(1), header);
        }
        let run = Run::begin(header, self.grain_end);
        self.run.insert(run).is_control
    }

    /// Takes in that one more write ended.
    pub(crate) fn add_write(&mut self) {
        self.writes += 1;
    }

    /// The index of every record so far; `None` when there is none.
    pub(crate) fn snapshot(&self) -> Option<SegmentIndex> {
        let mut index = self.outline()?;
        index.grains = self.grains.clone();
        index.grains.end_zone();
        Some(index)
    }

    /// As [`Self::snapshot`], without grains: for whoever holds up those who append meanwhile.
    pub(crate) fn outline(&self) -> Option<SegmentIndex> {
        let mut index = self.index.clone()?;
        index.writes = self.writes;
        if let Some(run) = self.run {
            run.count_into(&mut index);
        }
        for ((tenant, database), usage) in &index.usages.counts {
            index.tenants.add(*tenant, usage.records);
            index.databases.add(*database, usage.records);
        }
        Some(index)
    }

    /// How many bytes the index would take in a footer at most, give or take the run that is being
    /// counted.
    pub(crate) fn encoded_len(&self) -> usize {
        let counted = |index: &SegmentIndex| index.usages.counts.len().min(ID_COUNTS_MAX);
        // Each may be of a tenant and of a database of its own, which are put together in the end.
        let grains = self.grains.encoded_len(0);
        let index = self.index.as_ref();
        index.map_or(0, |index| {
            index.encoded_len() + counted(index) * 2 * 16 + grains
        })
    }
}

impl Run {
    fn begin(header: &RecordHeader, end: u64) -> Self {
        Self {
            kind: header.kind,
            scope: header.scope,
            collection: header.collection,
            is_control: header.kind.known().is_some_and(RecordKind::is_control),
            end,
            records: 1,
            payload_bytes: u64::from(header.payload_len),
            last_lsn: header.lsn,
            time: Span::of(header.timestamp),
            epoch: Span::of(header.epoch),
        }
    }

    #[inline]
    fn goes_on_with(&self, header: &RecordHeader, offset: u64) -> bool {
        self.is_of(header) && offset < self.end
    }

    #[inline]
    fn is_of(&self, header: &RecordHeader) -> bool {
        self.kind == header.kind
            && self.scope == header.scope
            && self.collection == header.collection
    }

    #[inline]
    fn include(&mut self, header: &RecordHeader) {
        self.records += 1;
        self.payload_bytes += u64::from(header.payload_len);
        self.last_lsn = header.lsn;
        self.time.include(header.timestamp);
        self.epoch.include(header.epoch);
    }

    fn count_into(self, index: &mut SegmentIndex) {
        index.last_lsn = self.last_lsn;
        index.payload_bytes += self.payload_bytes;
        index.time.include_all(self.time);
        index.epoch.include_all(self.epoch);
        if let Some(zone) = index.zones.last_mut() {
            zone.time.include_all(self.time);
            zone.epoch.include_all(self.epoch);
        }
        *index.kinds.entry(self.kind).or_default() += self.records;
        let (tenant, database) = (self.scope.tenant.value(), self.scope.database.value());
        let usage = Usage {
            records: self.records,
            payload_bytes: self.payload_bytes,
        };
        // The tenants and databases of those that are counted one by one are added up in the end.
        if !index.usages.add(tenant, database, usage) {
            index.tenants.add(tenant, self.records);
            index.databases.add(database, self.records);
        }
        index
            .vshards
            .add(u64::from(self.scope.vshard.value()), self.records);
    }
}

/// How many bytes the footer can grow to when `records` more records of `bytes` in all are added to
/// a segment whose index takes `encoded_len` bytes now.
pub(crate) fn footer_bytes_bound(encoded_len: usize, records: usize, bytes: usize) -> u64 {
    // Each record may be a control record (8 bytes), of a new kind (12), of three new ids (48) and of
    // a tenant and database together that are new (32); the fixed part is there even before the first
    // record, and the run that is being counted may add a kind, three ids and a usage.
    const FIXED: usize = 256;
    const PER_RECORD: usize = 8 + 12 + 48 + 32;
    // A zone has the count of its grains besides, and begins with one.
    const PER_ZONE: u64 = 88 + 2 + PER_GRAIN;
    const PER_GRAIN: u64 = 20;
    let zones = bytes as u64 / ZONE_BYTES + 2;
    let grains = bytes as u64 / GRAIN_BYTES + 2;
    let grown = FIXED + records * PER_RECORD;
    (encoded_len + grown) as u64 + zones * PER_ZONE + grains * PER_GRAIN
}

fn empty_index(header: &RecordHeader) -> SegmentIndex {
    SegmentIndex {
        first_lsn: header.lsn,
        last_lsn: Lsn::ZERO,
        time: Span::of(header.timestamp),
        epoch: Span::of(header.epoch),
        payload_bytes: 0,
        writes: 0,
        kinds: BTreeMap::new(),
        tenants: IdCounts::default(),
        databases: IdCounts::default(),
        vshards: IdCounts::default(),
        zones: Vec::new(),
        controls: Vec::new(),
        usages: Usages::default(),
        grains: Grains::default(),
    }
}

/// Begins a grain of the last zone with this record; where it ends, at the latest with its zone. A
/// zone that finds no room for grains is as one.
fn begin_grain(zones: &[Zone], grains: &mut Grains, header: &RecordHeader, offset: u64) -> u64 {
    let Some((zone, before)) = zones.split_last() else {
        return offset;
    };
    if offset == zone.offset && !grains.has_room() {
        return zone.end();
    }
    let bytes = offset - zone.offset;
    let records = header.lsn.value() - zone.first_lsn.value();
    grains.begin(before.len(), header, bytes, records);
    zone.end().min(offset + GRAIN_BYTES)
}

fn new_zone(header: &RecordHeader, offset: u64) -> Zone {
    Zone {
        offset,
        first_lsn: header.lsn,
        time: Span::of(header.timestamp),
        epoch: Span::of(header.epoch),
        tenants: IdMask::default(),
        databases: IdMask::default(),
        vshards: IdMask::default(),
        collections: IdMask::default(),
        kinds: IdMask::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{DatabaseId, RecordFlags, TenantId, VshardId};

    fn header(lsn: u64, kind: RecordKind, tenant: u64) -> RecordHeader {
        RecordHeader {
            payload_crc: 0,
            payload_len: 10,
            kind: kind.code(),
            flags: RecordFlags::NONE,
            lsn: Lsn::new(lsn),
            scope: Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(3)),
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            timestamp: Timestamp::from_nanos(0),
        }
    }

    /// A segment that ended in records of one kind and scope was sealed without them in its counts,
    /// and readers who asked for just those passed the segment over: acknowledged records, not
    /// delivered. One kind and scope all along, and the counts were empty.
    #[test]
    fn every_record_is_counted_the_last_run_included() {
        let check = |records: &[(RecordKind, u64)]| {
            let mut builder = IndexBuilder::default();
            for (lsn, &(kind, tenant)) in (1..).zip(records) {
                builder.add(&header(lsn, kind, tenant), lsn * 80);
                // Looked at after each record, as `segments` does, it stays right.
                let index = builder.snapshot().expect("it has a record");
                assert_eq!(index.kinds.values().sum::<u64>(), lsn);
                for ids in [&index.tenants, &index.databases, &index.vshards] {
                    assert_eq!(ids.counts.values().sum::<u64>() + ids.others, lsn);
                }
                let usage: u64 = index
                    .usages
                    .counts
                    .values()
                    .map(|usage| usage.records)
                    .sum();
                let bytes = index
                    .usages
                    .counts
                    .values()
                    .map(|usage| usage.payload_bytes);
                assert_eq!((usage, bytes.sum::<u64>()), (lsn, 10 * lsn));
                assert!(index.count_of(kind) > 0 && index.tenants.counts.contains_key(&tenant));
            }
        };
        use RecordKind::{Delete, Put};
        check(&[(Put, 7)]);
        check(&[(Put, 7), (Put, 7), (Put, 7)]);
        check(&[(Put, 7), (Delete, 7)]);
        check(&[(Put, 7), (Put, 8), (Put, 8), (Put, 7)]);
    }

    /// Records of `step` bytes each. A second tenant, another in each GiB, has some in the second half of
    /// each zone, so that grains are not alike.
    fn of_two_tenants(bytes: u64, step: u64) -> SegmentIndex {
        let mut builder = IndexBuilder::default();
        for at in 0..bytes / step {
            let is_second = at % 2 == 1 && at * step % ZONE_BYTES > ZONE_BYTES / 2;
            let tenant = u64::from(is_second) * (1 + ((at * step) >> 30));
            let header = header(at + 1, RecordKind::Put, tenant);
            builder.add(&header, 4096 + at * step);
        }
        let bound = footer_bytes_bound(0, 2, usize::try_from(bytes).unwrap());
        let index = builder.snapshot().unwrap();
        assert!(index.encoded_len() <= builder.encoded_len());
        assert!(index.encoded_len() as u64 <= bound, "{bytes} in {step}");
        index
    }

    /// A reader has the footer of a segment in memory, twice for a moment: what it promises to keep
    /// within is 32 MiB.
    #[test]
    fn a_footer_is_as_long_as_that_of_a_gib_at_most_whatever_the_records_are() {
        const GIB: u64 = 1 << 30;
        let check = |bytes: u64, step: u64| {
            let index = of_two_tenants(bytes, step);
            let grains = index.grains.encoded_len(index.zones.len());
            let of_gib = 2_621_440 + index.zones.len() * 2;
            assert!(grains <= of_gib, "{bytes} in {step}");
            assert!(grains > of_gib / 32, "{bytes} in {step}");
            let decoded = SegmentIndex::decode(&index.encode()).unwrap();
            assert!(decoded == index, "{bytes} in {step}");
        };
        check(64 << 20, 64);
        check(GIB, 64);
        check(16 * GIB, 4096);
        check(5 * GIB, 8192);
    }

    /// Where a zone came too late to have grains, records were added to those of a zone before.
    #[test]
    fn a_grain_says_nothing_of_other_zones() {
        let index = of_two_tenants(3 << 30, 4096);
        let last = index.zones.len() - 1;
        assert!(index.grains.of_zone(last).is_empty());
        assert!(!index.grains.of_zone(0).is_empty());
        assert!(SegmentIndex::decode(&index.encode()) == Ok(index));
    }
}
