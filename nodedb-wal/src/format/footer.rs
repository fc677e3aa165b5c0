//! The footer index: what a sealed segment holds, so that readers can pass over it or go straight
//! to the part they need.

mod grains;
mod usages;

use std::collections::BTreeMap;

pub(crate) use grains::{Field, GRAIN_BYTES, Grain, Grains};
pub(crate) use usages::{Usage, Usages};

use super::cursor::{Cursor, DecodeFault};
use crate::format::RecordHeader;
use crate::types::{Epoch, KindCode, Lsn, RecordKind, Timestamp};

/// How many different ids a segment's footer counts one by one; the rest are counted together.
pub(crate) const ID_COUNTS_MAX: usize = 1024;

/// Bytes of segment that one zone covers, at least.
pub(crate) const ZONE_BYTES: u64 = 256 * 1024;

const ZONE_ENCODED_BYTES: usize = 11 * 8;
const ID_ENCODED_BYTES: usize = 16;
const KIND_ENCODED_BYTES: usize = 12;
const CONTROL_ENCODED_BYTES: usize = 8;
const FIXED_ENCODED_BYTES: usize = 8 * 8 + 4 + 3 * (4 + 8) + 2 * 4 + 4 + 2 * 8;

/// Smallest and largest of a value over some records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<T> {
    pub(crate) min: T,
    pub(crate) max: T,
}

impl<T: Ord + Copy> Span<T> {
    pub(crate) fn of(value: T) -> Self {
        Self {
            min: value,
            max: value,
        }
    }

    #[inline]
    pub(crate) fn include(&mut self, value: T) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub(crate) fn include_all(&mut self, other: Self) {
        self.include(other.min);
        self.include(other.max);
    }

    /// Whether the two spans share a value.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

/// How many records carry each id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdCounts {
    pub(crate) counts: BTreeMap<u64, u64>,
    /// Records of ids that are not in `counts`, because there were too many different ones.
    pub(crate) others: u64,
}

impl IdCounts {
    pub(crate) fn add(&mut self, id: u64, records: u64) {
        if let Some(count) = self.counts.get_mut(&id) {
            *count += records;
        } else if self.counts.len() < ID_COUNTS_MAX {
            self.counts.insert(id, records);
        } else {
            self.others += records;
        }
    }

    /// Whether no record can carry one of `wanted`.
    pub(crate) fn excludes(&self, mut wanted: impl Iterator<Item = u64>) -> bool {
        self.others == 0 && !wanted.any(|id| self.counts.contains_key(&id))
    }
}

/// A 64-bit Bloom filter with one hash: which ids a zone may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IdMask(pub(crate) u64);

impl IdMask {
    #[inline]
    pub(crate) fn add(&mut self, id: u64) {
        self.0 |= Self::bit(id);
    }

    pub(crate) fn may_hold(self, id: u64) -> bool {
        self.0 & Self::bit(id) != 0
    }

    /// Fibonacci hashing: the top six bits of the product.
    #[inline]
    fn bit(id: u64) -> u64 {
        1 << (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
    }
}

/// A stretch of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Where its first record starts.
    pub(crate) offset: u64,
    pub(crate) first_lsn: Lsn,
    pub(crate) time: Span<Timestamp>,
    pub(crate) epoch: Span<Epoch>,
    pub(crate) tenants: IdMask,
    pub(crate) databases: IdMask,
    pub(crate) vshards: IdMask,
    pub(crate) collections: IdMask,
    pub(crate) kinds: IdMask,
}

impl Zone {
    /// Where the zone ends: the next record from here on begins another.
    pub(crate) fn end(&self) -> u64 {
        self.offset + ZONE_BYTES
    }

    /// Takes in whose record this is, and of what kind.
    pub(crate) fn add(&mut self, header: &RecordHeader) {
        self.tenants.add(header.scope.tenant.value());
        self.databases.add(header.scope.database.value());
        self.vshards.add(u64::from(header.scope.vshard.value()));
        self.collections.add(u64::from(header.collection.value()));
        self.kinds.add(u64::from(header.kind.bits()));
    }
}

/// What a segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentIndex {
    pub(crate) first_lsn: Lsn,
    pub(crate) last_lsn: Lsn,
    pub(crate) time: Span<Timestamp>,
    pub(crate) epoch: Span<Epoch>,
    pub(crate) payload_bytes: u64,
    /// Writes that went into the segment.
    pub(crate) writes: u64,
    pub(crate) kinds: BTreeMap<KindCode, u64>,
    pub(crate) tenants: IdCounts,
    pub(crate) databases: IdCounts,
    pub(crate) vshards: IdCounts,
    /// In order of offset; the first starts at the first record.
    pub(crate) zones: Vec<Zone>,
    /// Where each control record starts, in order.
    pub(crate) controls: Vec<u64>,
    pub(crate) usages: Usages,
    pub(crate) grains: Grains,
}

impl SegmentIndex {
    /// How many bytes [`Self::encode`] gives.
    pub(crate) fn encoded_len(&self) -> usize {
        let ids = [&self.tenants, &self.databases, &self.vshards];
        FIXED_ENCODED_BYTES
            + self.kinds.len() * KIND_ENCODED_BYTES
            + ids
                .iter()
                .map(|ids| ids.counts.len() * ID_ENCODED_BYTES)
                .sum::<usize>()
            + self.zones.len() * ZONE_ENCODED_BYTES
            + self.controls.len() * CONTROL_ENCODED_BYTES
            + self.usages.counts_len()
            + self.grains.encoded_len(self.zones.len())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        let mut u64s = |values: &[u64]| {
            for value in values {
                out.extend_from_slice(&value.to_le_bytes());
            }
        };
        u64s(&[self.first_lsn.value(), self.last_lsn.value()]);
        u64s(&[
            self.time.min.as_nanos().cast_unsigned(),
            self.time.max.as_nanos().cast_unsigned(),
        ]);
        u64s(&[self.epoch.min.value(), self.epoch.max.value()]);
        u64s(&[self.payload_bytes, self.writes]);
        put_count(&mut out, self.kinds.len());
        for (code, count) in &self.kinds {
            out.extend_from_slice(&u32::from(code.bits()).to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
        for ids in [&self.tenants, &self.databases, &self.vshards] {
            put_count(&mut out, ids.counts.len());
            out.extend_from_slice(&ids.others.to_le_bytes());
            for (id, count) in &ids.counts {
                out.extend_from_slice(&id.to_le_bytes());
                out.extend_from_slice(&count.to_le_bytes());
            }
        }
        put_count(&mut out, self.zones.len());
        for zone in &self.zones {
            put_zone(&mut out, zone);
        }
        put_count(&mut out, self.controls.len());
        for offset in &self.controls {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        self.usages.put(&mut out);
        self.grains.put(self.zones.len(), &mut out);
        debug_assert_eq!(out.len(), self.encoded_len());
        out
    }

    /// The index in a footer's payload.
    ///
    /// # Errors
    ///
    /// Names the field that is short or out of range; bytes left over are an error too.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeFault> {
        let mut cursor = Cursor::new(bytes);
        let c = &mut cursor;
        let first_lsn = Lsn::new(c.u64("first_lsn")?);
        let last_lsn = Lsn::new(c.u64("last_lsn")?);
        let time = time_span(c)?;
        let epoch = epoch_span(c)?;
        let payload_bytes = c.u64("payload_bytes")?;
        let writes = c.u64("writes")?;
        let kinds = kinds(c)?;
        let tenants = id_counts(c, "tenants")?;
        let databases = id_counts(c, "databases")?;
        let vshards = id_counts(c, "vshards")?;
        let zones: Vec<Zone> = (0..c.count("zones", ZONE_ENCODED_BYTES)?)
            .map(|_| zone(c))
            .collect::<Result<_, _>>()?;
        let controls = (0..c.count("controls", CONTROL_ENCODED_BYTES)?)
            .map(|_| c.u64("control offset"))
            .collect::<Result<_, _>>()?;
        let usages = Usages::decode(c)?;
        let grains = Grains::decode(c, &zones)?;
        cursor.finish()?;
        Ok(Self {
            first_lsn,
            last_lsn,
            time,
            epoch,
            payload_bytes,
            writes,
            kinds,
            tenants,
            databases,
            vshards,
            zones,
            controls,
            usages,
            grains,
        })
    }

    /// How many records carry `kind`.
    pub(crate) fn count_of(&self, kind: RecordKind) -> u64 {
        self.kinds.get(&kind.code()).copied().unwrap_or_default()
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_zone(out: &mut Vec<u8>, zone: &Zone) {
    for value in [
        zone.offset,
        zone.first_lsn.value(),
        zone.time.min.as_nanos().cast_unsigned(),
        zone.time.max.as_nanos().cast_unsigned(),
        zone.epoch.min.value(),
        zone.epoch.max.value(),
        zone.tenants.0,
        zone.databases.0,
        zone.vshards.0,
        zone.collections.0,
        zone.kinds.0,
    ] {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn zone(c: &mut Cursor<'_>) -> Result<Zone, DecodeFault> {
    Ok(Zone {
        offset: c.u64("zone offset")?,
        first_lsn: Lsn::new(c.u64("zone first_lsn")?),
        time: time_span(c)?,
        epoch: epoch_span(c)?,
        tenants: IdMask(c.u64("zone tenants")?),
        databases: IdMask(c.u64("zone databases")?),
        vshards: IdMask(c.u64("zone vshards")?),
        collections: IdMask(c.u64("zone collections")?),
        kinds: IdMask(c.u64("zone kinds")?),
    })
}

fn time_span(c: &mut Cursor<'_>) -> Result<Span<Timestamp>, DecodeFault> {
    let min = Timestamp::from_nanos(c.i64("min time")?);
    Ok(Span {
        min,
        max: Timestamp::from_nanos(c.i64("max time")?),
    })
}

fn epoch_span(c: &mut Cursor<'_>) -> Result<Span<Epoch>, DecodeFault> {
    let min = Epoch::new(c.u64("min epoch")?);
    Ok(Span {
        min,
        max: Epoch::new(c.u64("max epoch")?),
    })
}

fn kinds(c: &mut Cursor<'_>) -> Result<BTreeMap<KindCode, u64>, DecodeFault> {
    let count = c.count("kinds", KIND_ENCODED_BYTES)?;
    in_rising_order(count, || {
        let bits = c.u32("kind")?;
        let fault = DecodeFault::OutOfRange {
            field: "kind",
            value: u64::from(bits),
        };
        let code = KindCode::from_bits(u16::try_from(bits).map_err(|_| fault)?);
        Ok(((code, c.u64("kind count")?), fault))
    })
}

/// What is counted, which stands in rising order, each once: `next` gives a key with its count, and
/// the fault should the key not come behind the one before. Sorted already, they make a map at once.
fn in_rising_order<K: Ord + Copy, V>(
    count: usize,
    mut next: impl FnMut() -> Result<((K, V), DecodeFault), DecodeFault>,
) -> Result<BTreeMap<K, V>, DecodeFault> {
    let mut counted: Vec<(K, V)> = Vec::with_capacity(count);
    for _ in 0..count {
        let ((key, value), fault) = next()?;
        if counted.last().is_some_and(|(last, _)| *last >= key) {
            return Err(fault);
        }
        counted.push((key, value));
    }
    Ok(counted.into_iter().collect())
}

fn id_counts(c: &mut Cursor<'_>, field: &'static str) -> Result<IdCounts, DecodeFault> {
    let count = c.u32(field)?;
    let fault = DecodeFault::OutOfRange {
        field,
        value: u64::from(count),
    };
    let count = usize::try_from(count).map_err(|_| fault)?;
    if count > ID_COUNTS_MAX {
        return Err(fault);
    }
    let others = c.u64(field)?;
    let counts = in_rising_order(count, || {
        let id = c.u64(field)?;
        let fault = DecodeFault::OutOfRange { field, value: id };
        Ok(((id, c.u64(field)?), fault))
    })?;
    Ok(IdCounts { counts, others })
}

#[cfg(test)]
mod tests;
