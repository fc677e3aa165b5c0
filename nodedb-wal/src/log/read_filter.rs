//! Whether a record, a zone or a whole segment can be wanted: pure functions.

use std::sync::Arc;

use super::read_options::ReadOptions;
use crate::format::RecordHeader;
use crate::format::footer::{Field, Grain, IdCounts, SegmentIndex, Span, Zone};
use crate::segment::{Payloads, Pick};
use crate::types::{DatabaseId, KindCode, Lsn, RecordKind, TenantId};

/// Says of each record what is done with it.
#[derive(Clone, Debug)]
pub(crate) struct Picker {
    options: Arc<ReadOptions>,
    /// Whether the options leave any record out between the first and the last.
    narrows: bool,
    /// Records before this one are passed over, whatever they are.
    pub(crate) from: Lsn,
    /// A kind that this version knows: the one seen last. Records in a row are mostly of one kind.
    known_kind: Option<KindCode>,
}

impl Picker {
    pub(crate) fn new(options: &Arc<ReadOptions>) -> Self {
        Self {
            options: Arc::clone(options),
            narrows: narrows(options),
            from: Lsn::ZERO,
            known_kind: None,
        }
    }

    /// Whether records are left out between the first and the last.
    pub(crate) fn narrows(&self) -> bool {
        self.narrows
    }

    /// Which payloads are checked: of a read that leaves records out, those it delivers only.
    pub(crate) fn payloads(&self) -> Payloads {
        match (self.options.headers_only, self.narrows) {
            (true, _) => Payloads::None,
            (false, true) => Payloads::Lent,
            (false, false) => Payloads::All,
        }
    }

    /// Whether the page cache forgets what was read.
    pub(crate) fn drops_behind(&self) -> bool {
        self.options.drop_behind
    }

    /// What is done with the record.
    #[inline]
    pub(crate) fn pick(&mut self, header: &RecordHeader) -> Pick {
        if header.lsn < self.from {
            return Pick::Pass;
        }
        if !self.options.salvage && !self.knows(header.kind) {
            return if header.kind.is_required() {
                Pick::Refuse
            } else {
                Pick::PassUnknown
            };
        }
        let is_wanted = !self.narrows || wants(&self.options, header);
        if is_wanted && header.lsn <= self.options.until {
            Pick::Lend
        } else {
            Pick::Pass
        }
    }

    #[inline]
    fn knows(&mut self, kind: KindCode) -> bool {
        if self.known_kind != Some(kind) {
            if kind.known().is_none() {
                return false;
            }
            self.known_kind = Some(kind);
        }
        true
    }
}

/// Whether the options leave out any record between the first and the last asked for.
fn narrows(options: &ReadOptions) -> bool {
    options.control_only
        || !options.kinds.is_empty()
        || options.tenant.is_some()
        || options.database.is_some()
        || options.vshard.is_some()
        || options.collection.is_some()
        || options.epochs.is_some()
        || options.times.is_some()
}

/// Whether the record is wanted.
#[inline]
fn wants(options: &ReadOptions, header: &RecordHeader) -> bool {
    let scope = &header.scope;
    options.tenant.is_none_or(|tenant| tenant == scope.tenant)
        && options
            .database
            .is_none_or(|database| database == scope.database)
        && options.vshard.is_none_or(|vshard| vshard == scope.vshard)
        && options
            .collection
            .is_none_or(|tag| tag == header.collection)
        && options
            .epochs
            .is_none_or(|(low, high)| low <= header.epoch && header.epoch <= high)
        && options
            .times
            .is_none_or(|(low, high)| low <= header.timestamp && header.timestamp <= high)
        && (options.kinds.is_empty() || options.kinds.iter().any(|kind| kind.code() == header.kind))
        && (!options.control_only || header.kind.known().is_some_and(RecordKind::is_control))
}

/// Whether the segment holds a kind this version does not know and must not pass over.
pub(crate) fn holds_unknown_required(index: &SegmentIndex) -> bool {
    let mut kinds = index.kinds.keys();
    kinds.any(|kind| kind.is_required() && kind.known().is_none())
}

/// Whether no record of the segment is wanted.
pub(crate) fn excludes_segment(options: &ReadOptions, index: &SegmentIndex) -> bool {
    let excluded = |ids: &IdCounts, wanted: Option<u64>| {
        wanted.is_some_and(|id| ids.excludes(std::iter::once(id)))
    };
    let by_kind =
        !options.kinds.is_empty() && options.kinds.iter().all(|&kind| index.count_of(kind) == 0);
    excluded(&index.tenants, options.tenant.map(TenantId::value))
        || excluded(&index.databases, options.database.map(DatabaseId::value))
        || excluded(
            &index.vshards,
            options.vshard.map(|id| u64::from(id.value())),
        )
        || by_kind
        || (options.control_only && index.controls.is_empty())
        || misses(options.epochs, &index.epoch)
        || misses(options.times, &index.time)
}

/// Whether no record of the grain is wanted.
pub(crate) fn excludes_grain(options: &ReadOptions, grain: &Grain) -> bool {
    let excluded = |field: Field, wanted: Option<u64>| {
        wanted.is_some_and(|id| !grain.others.may_hold(field, id))
    };
    let mut kinds = options.kinds.iter().map(|kind| kind.code().bits());
    let by_kind = !options.kinds.is_empty()
        && !kinds.any(|bits| grain.others.may_hold(Field::Kind, u64::from(bits)));
    options
        .tenant
        .is_some_and(|id| !grain.tenants.may_hold(id.value()))
        || excluded(Field::Database, options.database.map(DatabaseId::value))
        || excluded(
            Field::Vshard,
            options.vshard.map(|id| u64::from(id.value())),
        )
        || excluded(
            Field::Collection,
            options.collection.map(|tag| u64::from(tag.value())),
        )
        || by_kind
}

/// Whether no record of the zone, which has these grains, is wanted.
pub(crate) fn excludes_zone(options: &ReadOptions, zone: &Zone, grains: &[Grain]) -> bool {
    let by_grains = !grains.is_empty() && grains.iter().all(|it| excludes_grain(options, it));
    by_grains || excludes_all_of(options, zone)
}

/// Whether no record of the zone is wanted, its grains aside.
fn excludes_all_of(options: &ReadOptions, zone: &Zone) -> bool {
    let by_kind = !options.kinds.is_empty()
        && !options
            .kinds
            .iter()
            .any(|kind| zone.kinds.may_hold(u64::from(kind.code().bits())));
    options
        .tenant
        .is_some_and(|id| !zone.tenants.may_hold(id.value()))
        || options
            .database
            .is_some_and(|id| !zone.databases.may_hold(id.value()))
        || options
            .vshard
            .is_some_and(|id| !zone.vshards.may_hold(u64::from(id.value())))
        || options
            .collection
            .is_some_and(|tag| !zone.collections.may_hold(u64::from(tag.value())))
        || by_kind
        || misses(options.epochs, &zone.epoch)
        || misses(options.times, &zone.time)
}

fn misses<T: Ord + Copy>(wanted: Option<(T, T)>, held: &Span<T>) -> bool {
    wanted.is_some_and(|(min, max)| !held.touches(&Span { min, max }))
}
