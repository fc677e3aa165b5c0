//! Payloads of every kind with any values their rules allow.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::payload::*;
use crate::types::{DatabaseId, Epoch, KindCode, Lsn, RecordKind, TenantId, Timestamp, VshardId};

/// Any kind the log names.
pub(super) fn kind() -> impl Strategy<Value = RecordKind> {
    select(RecordKind::ALL)
}

/// A payload of any kind. The strategies of its parts are boxed: their types, one in the other, are
/// what compiling the tests would take minutes for.
pub(super) fn payload() -> impl Strategy<Value = AnyPayload> {
    prop_oneof![
        rows(),
        vectors(),
        batches(),
        arrays(),
        control(),
        node(),
        consumers()
    ]
}

fn bytes() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 250..300)].boxed()
}

fn name() -> BoxedStrategy<String> {
    prop_oneof!["[a-z_]{0,40}", ".{0,8}"].boxed()
}

fn lsn() -> impl Strategy<Value = Lsn> {
    any::<u64>().prop_map(Lsn::new)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_nanos)
}

fn rows() -> BoxedStrategy<AnyPayload> {
    let operation = (any::<u16>(), prop::option::of(name()), bytes())
        .prop_filter("neither transactions nor control records", |(kind, ..)| {
            let known = KindCode::from_bits(*kind).known();
            known.is_none_or(|k| k != RecordKind::Transaction && !k.is_control())
        })
        .prop_map(|(kind, collection, payload)| Operation {
            kind: KindCode::from_bits(kind),
            collection,
            payload,
        });
    prop_oneof![
        Just(Noop.into()),
        (name(), bytes(), bytes()).prop_map(|(collection, key, value)| Put {
            collection,
            key,
            value
        }
        .into()),
        (name(), bytes()).prop_map(|(collection, key)| Delete { collection, key }.into()),
        (name(), name(), any::<u64>(), bytes()).prop_map(|(collection, document, peer, delta)| {
            CrdtDelta {
                collection,
                document,
                peer,
                delta,
            }
            .into()
        }),
        vec(operation, 0..20).prop_map(|operations| Transaction { operations }.into()),
    ]
    .boxed()
}

fn vectors() -> BoxedStrategy<AnyPayload> {
    let numbers = vec(any::<u32>().prop_map(f32::from_bits), 0..50);
    let params = (
        name(),
        1_u32..,
        select(&VectorMetric::ALL[..]),
        any::<[u32; 3]>(),
    );
    prop_oneof![
        (name(), bytes(), numbers).prop_map(|(collection, id, vector)| VectorPut {
            collection,
            id,
            vector
        }
        .into()),
        (name(), bytes()).prop_map(|(collection, id)| VectorDelete { collection, id }.into()),
        params.prop_map(
            |(collection, dimension, metric, [m, ef_construction, ef_search])| VectorParams {
                collection,
                dimension,
                metric,
                m,
                ef_construction,
                ef_search
            }
            .into()
        ),
    ]
    .boxed()
}

fn batches() -> BoxedStrategy<AnyPayload> {
    let samples = vec((any::<i64>(), any::<u64>().prop_map(f64::from_bits)), 0..50);
    let lines = vec((time(), ".{0,30}"), 0..20);
    prop_oneof![
        (name(), name(), samples).prop_map(|(collection, series, samples)| {
            let (timestamps_ns, values) = samples.into_iter().unzip();
            TimeseriesBatch {
                collection,
                series,
                timestamps_ns,
                values,
            }
            .into()
        }),
        (name(), lines).prop_map(|(collection, lines)| {
            let lines = lines
                .into_iter()
                .map(|(timestamp, text)| LogLine { timestamp, text })
                .collect();
            LogBatch { collection, lines }.into()
        }),
    ]
    .boxed()
}

fn arrays() -> BoxedStrategy<AnyPayload> {
    let place = || vec(any::<i64>(), 0..5);
    let cell = (place(), any::<[i64; 2]>(), bytes()).prop_map(
        |(coordinates, [valid_from_ms, valid_until_ms], attributes)| ArrayCell {
            coordinates,
            valid_from_ms,
            valid_until_ms,
            attributes,
        },
    );
    prop_oneof![
        (name(), name(), any::<i64>(), vec(cell, 0..20)).prop_map(
            |(collection, array, system_from_ms, cells)| ArrayPut {
                collection,
                array,
                system_from_ms,
                cells
            }
            .into()
        ),
        (name(), name(), any::<[i64; 3]>(), vec(place(), 0..20)).prop_map(
            |(collection, array, [system_from_ms, valid_from_ms, valid_until_ms], coordinates)| {
                ArrayDelete {
                    collection,
                    array,
                    system_from_ms,
                    valid_from_ms,
                    valid_until_ms,
                    coordinates,
                }
                .into()
            }
        ),
        (name(), name(), lsn()).prop_map(|(collection, array, watermark)| ArrayFlush {
            collection,
            array,
            watermark
        }
        .into()),
    ]
    .boxed()
}

fn control() -> BoxedStrategy<AnyPayload> {
    prop_oneof![
        (lsn(), name()).prop_map(|(lsn, reason)| WriteAborted { lsn, reason }.into()),
        (name(), lsn()).prop_map(|(engine, lsn)| Checkpoint { engine, lsn }.into()),
        (name(), lsn()).prop_map(|(collection, purge_lsn)| CollectionTombstoned {
            collection,
            purge_lsn
        }
        .into()),
        time().prop_map(|wall_clock| TimeAnchor { wall_clock }.into()),
        (name(), name(), time(), any::<u64>()).prop_map(|(collection, engine, cutoff, purged)| {
            TemporalPurge {
                collection,
                engine,
                cutoff,
                purged,
            }
            .into()
        }),
    ]
    .boxed()
}

fn node() -> BoxedStrategy<AnyPayload> {
    let offset = (any::<u32>(), any::<u64>())
        .prop_map(|(partition, offset)| PartitionOffset { partition, offset });
    prop_oneof![
        (prop::option::of(name()), any::<u32>(), any::<u32>()).prop_map(
            |(collection, first, count)| SurrogateAlloc {
                collection,
                first,
                count: count.clamp(1, (u32::MAX - first).max(1)),
            }
            .into()
        ),
        (name(), any::<u32>(), bytes()).prop_map(|(collection, surrogate, primary_key)| {
            SurrogateBind {
                collection,
                surrogate,
                primary_key,
            }
            .into()
        }),
        (name(), vec(offset, 0..20), prop::option::of(time())).prop_map(
            |(source, offsets, watermark)| CommitOffsets {
                source,
                offsets,
                watermark
            }
            .into()
        ),
        (any::<u64>(), any::<u32>()).prop_map(|(epoch, core)| EpochBarrier {
            epoch: Epoch::new(epoch),
            core
        }
        .into()),
        (any::<[u64; 2]>(), any::<[u32; 3]>()).prop_map(
            |([epoch, digest], [position, vshard, records])| CalvinApplied {
                epoch: Epoch::new(epoch),
                position,
                vshard: VshardId::new(vshard),
                records,
                digest,
            }
            .into()
        ),
        (any::<u64>(), any::<u32>(), any::<[u64; 3]>()).prop_map(
            |(epoch, vshard, [transactions, records, digest])| CalvinSeal {
                epoch: Epoch::new(epoch),
                vshard: VshardId::new(vshard),
                transactions,
                records,
                digest,
            }
            .into()
        ),
        (name(), prop::option::of(any::<u64>())).prop_map(|(name, needs)| Hold {
            name,
            needs: needs.map(Lsn::new),
        }
        .into()),
        (any::<u64>(), any::<u64>(), any::<[u8; 32]>()).prop_map(|(through, entries, digest)| {
            AuditSeal {
                through: Lsn::new(through),
                entries,
                digest: digest.to_vec(),
            }
            .into()
        }),
    ]
    .boxed()
}

fn consumers() -> BoxedStrategy<AnyPayload> {
    let maxima = prop::array::uniform3(prop::option::of(any::<u64>()));
    let wanted = (
        vec(any::<u16>(), 0..4),
        prop::array::uniform2(prop::option::of(any::<u64>())),
        prop::option::of(any::<u32>()),
        prop::option::of(name()),
    );
    let cursor =
        (name(), any::<u32>(), lsn()).prop_map(|(name, partition, acknowledged)| ConsumerCursor {
            name,
            partition,
            acknowledged,
        });
    prop_oneof![
        (
            name(),
            1..=ConsumerAdded::PARTITIONS_MAX,
            lsn(),
            wanted,
            maxima,
            select(WhenOver::ALL.as_slice())
        )
            .prop_map(|(name, partitions, from, wanted, maxima, when_over)| {
                let (kinds, [tenant, database], vshard, collection) = wanted;
                let [records_max, bytes_max, seconds_max] = maxima;
                ConsumerAdded {
                    name,
                    partitions,
                    from,
                    kinds: kinds.into_iter().map(KindCode::from_bits).collect(),
                    tenant: tenant.map(TenantId::new),
                    database: database.map(DatabaseId::new),
                    vshard: vshard.map(VshardId::new),
                    collection,
                    records_max,
                    bytes_max,
                    seconds_max,
                    when_over,
                }
                .into()
            }),
        (name(), lsn(), prop::option::of(name())).prop_map(|(name, acknowledged, over)| {
            ConsumerDropped {
                name,
                acknowledged,
                over,
            }
            .into()
        }),
        vec(cursor, 0..5).prop_map(|cursors| ConsumerCursors { cursors }.into()),
    ]
    .boxed()
}
