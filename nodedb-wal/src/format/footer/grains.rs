//! Which parts of a zone hold whom, in steps of 8 KiB: a part of a segment's footer.
//!
//! A zone in which all parts look alike has none: they would say no more than the zone does.

use super::super::cursor::{Cursor, DecodeFault};
use super::{IdMask, ZONE_BYTES, Zone};
use crate::format::RecordHeader;
use crate::format::layout::ALIGN_BYTES;

/// Bytes of segment that one grain covers, at least.
pub(crate) const GRAIN_BYTES: u64 = 8 * 1024;

/// How many grains a footer has at most: those of a GiB. A zone that comes later has none, so that the
/// footer of a segment of any length fits into the memory that readers promise to keep within.
pub(super) const GRAINS_MAX: usize = 1 << 17;

/// How many grains a zone has at most.
const OF_ZONE_MAX: usize = (ZONE_BYTES / GRAIN_BYTES) as usize;

const COUNT_ENCODED_BYTES: usize = 2;
const ENCODED_BYTES: usize = 2 * 2 + 2 * 8;

/// A part of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grain {
    /// The zone's place among the zones.
    pub(super) zone: u32,
    /// Where its first record starts behind the zone's first, in steps of 16 bytes.
    pub(super) steps: u16,
    /// How many records of the zone are in front of it.
    pub(super) records_before: u16,
    pub(crate) tenants: IdMask,
    /// Databases, vshards, collections and kinds in one mask, each turned by another angle.
    pub(crate) others: OtherMask,
}

impl Grain {
    /// Where its first record starts behind the zone's first, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        u64::from(self.steps) * ALIGN_BYTES as u64
    }

    /// How many records of the zone are in front of it.
    pub(crate) fn records_before(&self) -> u64 {
        u64::from(self.records_before)
    }

    #[inline]
    pub(crate) fn add(&mut self, header: &RecordHeader) {
        self.tenants.add(header.scope.tenant.value());
        self.others
            .add(Field::Database, header.scope.database.value());
        self.others
            .add(Field::Vshard, u64::from(header.scope.vshard.value()));
        self.others
            .add(Field::Collection, u64::from(header.collection.value()));
        self.others.add(Field::Kind, u64::from(header.kind.bits()));
    }

    fn looks_like(&self, other: &Self) -> bool {
        self.tenants == other.tenants && self.others == other.others
    }
}

/// What an [`OtherMask`] tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Database = 0,
    Vshard = 16,
    Collection = 32,
    Kind = 48,
}

/// An [`IdMask`] of several fields: each takes the bit that many places further on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OtherMask(pub(super) u64);

impl OtherMask {
    #[inline]
    fn add(&mut self, field: Field, id: u64) {
        self.0 |= Self::bit(field, id);
    }

    pub(crate) fn may_hold(self, field: Field, id: u64) -> bool {
        self.0 & Self::bit(field, id) != 0
    }

    #[inline]
    fn bit(field: Field, id: u64) -> u64 {
        IdMask::bit(id).rotate_left(field as u32)
    }
}

/// The grains of all zones, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grains(Vec<Grain>);

impl Grains {
    /// Those of a zone, by its place among the zones; none where they would say no more than it does.
    pub(crate) fn of_zone(&self, zone: usize) -> &[Grain] {
        let from = self.0.partition_point(|grain| (grain.zone as usize) < zone);
        let behind = &self.0[from..];
        let count = behind.partition_point(|grain| grain.zone as usize == zone);
        &behind[..count]
    }

    /// Adds a record to the last grain, if that is of the zone with this place among the zones.
    #[inline]
    pub(crate) fn add(&mut self, zone: usize, header: &RecordHeader) {
        if let Some(last) = self.0.last_mut().filter(|it| it.zone as usize == zone) {
            last.add(header);
        }
    }

    /// Whether another zone can have grains.
    pub(crate) fn has_room(&self) -> bool {
        self.0.len() + OF_ZONE_MAX <= GRAINS_MAX
    }

    /// Begins a grain of a zone, the last, with a record that starts so many bytes behind the zone's
    /// first, so many records after it.
    pub(crate) fn begin(&mut self, zone: usize, header: &RecordHeader, bytes: u64, records: u64) {
        let narrow = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
        let mut grain = Grain {
            zone: u32::try_from(zone).unwrap_or(u32::MAX),
            steps: narrow(bytes / ALIGN_BYTES as u64),
            records_before: narrow(records),
            tenants: IdMask::default(),
            others: OtherMask::default(),
        };
        grain.add(header);
        self.0.push(grain);
    }

    /// The last zone has ended: where all its grains look alike, they are forgotten.
    pub(crate) fn end_zone(&mut self) {
        let Some(last) = self.0.last() else { return };
        let mut of_zone = self.0.iter().rev().take_while(|it| it.zone == last.zone);
        if of_zone.clone().all(|grain| grain.looks_like(last)) {
            let count = of_zone.by_ref().count();
            self.0.truncate(self.0.len() - count);
        }
    }

    /// How many bytes they take beside so many zones.
    pub(crate) fn encoded_len(&self, zones: usize) -> usize {
        zones * COUNT_ENCODED_BYTES + self.0.len() * ENCODED_BYTES
    }

    /// Writes them behind what is in `out`.
    pub(super) fn put(&self, zones: usize, out: &mut Vec<u8>) {
        for zone in 0..zones {
            let grains = self.of_zone(zone);
            let count = u16::try_from(grains.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&count.to_le_bytes());
            for grain in grains {
                out.extend_from_slice(&grain.steps.to_le_bytes());
                out.extend_from_slice(&grain.records_before.to_le_bytes());
                out.extend_from_slice(&grain.tenants.0.to_le_bytes());
                out.extend_from_slice(&grain.others.0.to_le_bytes());
            }
        }
    }

    /// # Errors
    ///
    /// Names the field that is short or out of range.
    pub(super) fn decode(c: &mut Cursor<'_>, zones: &[Zone]) -> Result<Self, DecodeFault> {
        let mut grains = Vec::new();
        for (at, zone) in zones.iter().enumerate() {
            let count = c.u16("grains")?;
            if grains.len() + usize::from(count) > GRAINS_MAX {
                let (field, value) = ("grains", u64::from(count));
                return Err(DecodeFault::OutOfRange { field, value });
            }
            let from = grains.len();
            for _ in 0..count {
                let grain = Grain {
                    zone: u32::try_from(at).unwrap_or(u32::MAX),
                    steps: c.u16("grain steps")?,
                    records_before: c.u16("grain records_before")?,
                    tenants: IdMask(c.u64("grain tenants")?),
                    others: OtherMask(c.u64("grain others")?),
                };
                check_order(grains[from..].last(), &grain)?;
                grains.push(grain);
            }
            check_sum(zone, &grains[from..])?;
        }
        Ok(Self(grains))
    }
}

/// Every record of a zone is in one of its grains: together they say what it says.
fn check_sum(zone: &Zone, grains: &[Grain]) -> Result<(), DecodeFault> {
    if grains.is_empty() {
        return Ok(());
    }
    let mut sum = (0, 0);
    for grain in grains {
        sum = (sum.0 | grain.tenants.0, sum.1 | grain.others.0);
    }
    let others = [
        (Field::Database, zone.databases),
        (Field::Vshard, zone.vshards),
        (Field::Collection, zone.collections),
        (Field::Kind, zone.kinds),
    ];
    let others = others.iter().fold(0, |bits, (field, ids)| {
        bits | ids.0.rotate_left(*field as u32)
    });
    let out_of_range = |field, value| Err(DecodeFault::OutOfRange { field, value });
    if sum.0 != zone.tenants.0 {
        return out_of_range("grain tenants", sum.0);
    }
    if sum.1 != others {
        return out_of_range("grain others", sum.1);
    }
    Ok(())
}

/// The first grain of a zone starts where the zone does, each other one behind that before it.
fn check_order(before: Option<&Grain>, grain: &Grain) -> Result<(), DecodeFault> {
    let out_of_range = |field, value| DecodeFault::OutOfRange { field, value };
    let in_order = |before: Option<u16>, here: u16| match before {
        Some(before) => here > before,
        None => here == 0,
    };
    if !in_order(before.map(|it| it.steps), grain.steps) || grain.offset() >= ZONE_BYTES {
        return Err(out_of_range("grain steps", u64::from(grain.steps)));
    }
    if !in_order(before.map(|it| it.records_before), grain.records_before) {
        return Err(out_of_range("grain records_before", grain.records_before()));
    }
    Ok(())
}
