//! Targets for payloads: decoded, encoded and decoded again, told as a line, and read in place.

use nodedb_wal::RecordKind;
use nodedb_wal::payload::{
    AlignedScratch, AnyPayload, CheckpointView, CommitOffsetsView, DeleteView, EpochBarrierView,
    LogBatchView, PutView, TimeseriesBatchView, VectorPutView, collection_of,
};
use nodedb_wal::types::CustomKind;

/// The kind that a byte chooses.
fn kind(choice: u8) -> RecordKind {
    let kinds = RecordKind::ALL;
    match kinds.get(usize::from(choice) % (kinds.len() + 1)) {
        Some(&kind) => kind,
        None => {
            CustomKind::new(CustomKind::FIRST, true).map_or(RecordKind::Put, RecordKind::Custom)
        }
    }
}

/// A byte that chooses the kind, then the payload.
pub(super) fn payload(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let kind = kind(choice);
    let named = collection_of(kind, bytes);
    let Ok(payload) = AnyPayload::decode(kind, bytes) else {
        return;
    };
    let _text = payload.to_string();
    match named {
        Ok(name) => assert_eq!(name.as_deref(), payload.collection()),
        Err(error) => panic!("decoded, but its collection was not found: {error}"),
    }
    // Compared as bytes: a number that is none does not equal itself.
    let once = encoded(&payload);
    match AnyPayload::decode(kind, &once) {
        Ok(again) => assert_eq!(encoded(&again), once, "{kind:?}"),
        Err(error) => panic!("{kind:?} was encoded, and is not decoded: {error}"),
    }
}

fn encoded(payload: &AnyPayload) -> Vec<u8> {
    let mut bytes = Vec::new();
    match payload.encode(&mut bytes) {
        Ok(()) => bytes,
        Err(error) => panic!("{payload} was decoded, and is not encoded: {error}"),
    }
}

/// A byte that chooses the view and how the payload is aligned, then the payload.
pub(super) fn view(bytes: &[u8]) {
    let Some((&choice, payload)) = bytes.split_first() else {
        return;
    };
    let mut moved = vec![0; usize::from(choice >> 4)];
    let start = moved.len();
    moved.extend_from_slice(payload);
    let payload = &moved[start..];
    read_view(choice & 0x0f, payload);
}

/// The view that `choice` names: what it lends is no more than what is there.
fn read_view(choice: u8, payload: &[u8]) {
    let mut scratch = AlignedScratch::new();
    match choice {
        0 => {
            if let Ok(view) = VectorPutView::read(payload, &mut scratch) {
                assert!(view.vector().count() * 4 + view.id().len() <= payload.len());
                let _text = format!("{view:?} {}", view.collection());
            }
        }
        1 => {
            if let Ok(view) = TimeseriesBatchView::read(payload, &mut scratch) {
                assert!(view.samples().count() * 16 <= payload.len());
                let _text = format!("{view:?} {} {}", view.collection(), view.series());
            }
        }
        2 => {
            if let Ok(view) = LogBatchView::read(payload, &mut scratch) {
                assert!(view.lines().count() * 8 <= payload.len());
                let _text = format!("{view:?} {}", view.collection());
            }
        }
        _ => read_view_of_core(choice, payload),
    }
}

/// The same of what a core says.
fn read_view_of_core(choice: u8, payload: &[u8]) {
    let mut scratch = AlignedScratch::new();
    match choice {
        3 => {
            if let Ok(view) = PutView::read(payload, &mut scratch) {
                let bytes = view.collection().len() + view.key().len() + view.value().len();
                assert!(bytes <= payload.len());
                let _text = format!("{view:?}");
            }
        }
        4 => {
            if let Ok(view) = DeleteView::read(payload, &mut scratch) {
                assert!(view.collection().len() + view.key().len() <= payload.len());
                let _text = format!("{view:?}");
            }
        }
        5 => {
            if let Ok(view) = CheckpointView::read(payload, &mut scratch) {
                let _text = format!("{view:?}");
            }
        }
        6 => {
            if let Ok(view) = CommitOffsetsView::read(payload, &mut scratch) {
                assert!(view.offsets().count() * 16 <= payload.len());
                let _text = format!("{view:?}");
            }
        }
        _ => {
            if let Ok(view) = EpochBarrierView::read(payload, &mut scratch) {
                let _text = format!("{view:?}");
            }
        }
    }
}
