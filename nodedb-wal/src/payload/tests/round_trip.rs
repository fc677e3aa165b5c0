//! What goes in comes out, and looks on disk as it always did.

use proptest::prelude::*;

use super::encoding::{decode_anywhere, encoded, hex};
use super::samples::golden;
use super::strategies::payload;
use crate::payload::{
    AlignedScratch, AnyPayload, CalvinApplied, CheckpointView, CommitOffsetsView, DeleteView,
    EpochBarrierView, LogBatchView, Payload, PutView, TimeseriesBatchView, VectorPutView,
    collection_of,
};
use crate::storage::AlignedBuf;
use crate::types::{Epoch, Scope, VshardId};

/// Compares bytes, not values: a NaN is not equal to itself.
fn check_round_trip(payload: &AnyPayload) {
    let bytes = encoded(payload);
    let back = decode_anywhere(payload.kind(), &bytes).expect("its own bytes");
    assert_eq!(encoded(&back), bytes);
    assert_eq!(back.to_string(), payload.to_string());
    assert_eq!(
        collection_of(payload.kind(), &bytes)
            .expect("its own bytes")
            .as_deref(),
        payload.collection()
    );
}

#[test]
fn the_stored_bytes_of_each_kind_are_what_they_always_were() {
    for case in golden() {
        let kind = case.payload.kind();
        assert_eq!(hex(&encoded(&case.payload)), case.hex, "{kind}");
        assert_eq!(case.payload.to_string(), case.line);
        check_round_trip(&case.payload);
    }
}

#[test]
fn what_stands_before_a_payload_in_its_buffer_does_not_change_its_bytes() {
    for case in golden() {
        let alone = encoded(&case.payload);
        for before in [1, 7, 16, 33] {
            let mut bytes = vec![0xee; before];
            case.payload.encode(&mut bytes).expect("it can be encoded");
            assert_eq!(bytes[before..], alone, "{}", case.payload.kind());
        }
    }
}

#[test]
fn views_read_aligned_memory_where_it_is() {
    for case in golden() {
        let bytes = encoded(&case.payload);
        let mut memory = AlignedBuf::zeroed(bytes.len());
        memory.as_mut_slice()[..bytes.len()].copy_from_slice(&bytes);
        let bytes = &memory.as_slice()[..bytes.len()];
        let mut scratch = AlignedScratch::new();
        let name = match &case.payload {
            AnyPayload::Put(put) => {
                let view = PutView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!((view.key(), view.value()), (&put.key[..], &put.value[..]));
                view.collection()
            }
            AnyPayload::Delete(delete) => {
                let view = DeleteView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!(view.key(), delete.key);
                view.collection()
            }
            AnyPayload::VectorPut(put) => {
                let view = VectorPutView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!(view.id(), put.id);
                assert!(view.vector().eq(put.vector.iter().copied()));
                view.collection()
            }
            AnyPayload::TimeseriesBatch(batch) => {
                let view = TimeseriesBatchView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!(view.series(), batch.series);
                assert_eq!(view.samples().len(), batch.values.len());
                view.collection()
            }
            AnyPayload::LogBatch(batch) => {
                let view = LogBatchView::read(bytes, &mut scratch).expect("its own bytes");
                let texts = batch.lines.iter().map(|line| line.text.as_str());
                assert!(view.lines().map(|(_, text)| text).eq(texts));
                view.collection()
            }
            _ => continue,
        };
        assert_eq!(Some(name), case.payload.collection());
        assert!(
            bytes.as_ptr_range().contains(&name.as_ptr()),
            "{} was copied",
            case.payload.kind()
        );
    }
}

/// Those that name no collection: what they name is theirs, and lies in the bytes.
#[test]
fn views_of_what_a_core_says_read_aligned_memory_where_it_is() {
    for case in golden() {
        let bytes = encoded(&case.payload);
        let mut memory = AlignedBuf::zeroed(bytes.len());
        memory.as_mut_slice()[..bytes.len()].copy_from_slice(&bytes);
        let bytes = &memory.as_slice()[..bytes.len()];
        let mut scratch = AlignedScratch::new();
        let name = match &case.payload {
            AnyPayload::Checkpoint(checkpoint) => {
                let view = CheckpointView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!(
                    (view.engine(), view.lsn()),
                    (&*checkpoint.engine, checkpoint.lsn)
                );
                view.engine()
            }
            AnyPayload::CommitOffsets(commit) => {
                let view = CommitOffsetsView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!(view.source(), commit.source);
                assert!(view.offsets().eq(commit.offsets.iter().copied()));
                assert_eq!(view.watermark(), commit.watermark);
                view.source()
            }
            AnyPayload::EpochBarrier(barrier) => {
                let view = EpochBarrierView::read(bytes, &mut scratch).expect("its own bytes");
                assert_eq!((view.epoch(), view.core()), (barrier.epoch, barrier.core));
                continue;
            }
            _ => continue,
        };
        assert!(
            bytes.as_ptr_range().contains(&name.as_ptr()),
            "{} was copied",
            case.payload.kind()
        );
    }
}

#[test]
fn a_record_of_a_payload_that_speaks_of_an_epoch_belongs_to_it() {
    let applied = CalvinApplied {
        epoch: Epoch::new(7),
        position: 1,
        vshard: VshardId::new(2),
        records: 4,
        digest: u64::MAX,
    };
    let mut buffer = vec![1, 2, 3];
    let record = applied
        .record(Scope::default(), &mut buffer)
        .expect("it can be encoded");
    assert_eq!(record.epoch, Epoch::new(7));
    assert_eq!(CalvinApplied::decode(record.payload).ok(), Some(applied));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(payload in payload()) {
        check_round_trip(&payload);
    }
}
