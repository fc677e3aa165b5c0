//! A payload of whichever kind, for readers that take records of every kind.

use std::borrow::Cow;

use super::{
    ArrayDelete, ArrayFlush, ArrayPut, AuditSeal, CalvinApplied, CalvinSeal, Checkpoint,
    CollectionTombstoned, CommitOffsets, ConsumerAdded, ConsumerCursors, ConsumerDropped,
    CrdtDelta, Delete, EpochBarrier, Hold, LogBatch, Noop, Payload, PayloadError, Put,
    SurrogateAlloc, SurrogateBind, TemporalPurge, TimeAnchor, TimeseriesBatch, Transaction,
    VectorDelete, VectorParams, VectorPut, WriteAborted,
};
use crate::types::{CustomKind, RecordKind};

macro_rules! any_payload {
    ($($name:ident),+ $(,)?) => {
        /// The payload of a record of any kind.
        ///
        /// Its `Display` is one line for people: `Put orders key="4711" value=12 B`.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum AnyPayload {
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name($name),
            )+
            /// A payload of the embedding database, whose form only that knows.
            Custom(CustomKind, Vec<u8>),
        }

        impl AnyPayload {
            /// The payload of a record of `kind`. Not for raw payloads: their bytes are their
            /// writer's own.
            ///
            /// # Errors
            ///
            /// As [`Payload::decode`].
            pub fn decode(kind: RecordKind, bytes: &[u8]) -> Result<Self, PayloadError> {
                match kind {
                    $(RecordKind::$name => $name::decode(bytes).map(Self::$name),)+
                    RecordKind::Custom(custom) => Ok(Self::Custom(custom, bytes.to_vec())),
                }
            }

            /// Appends the encoded payload to `out`.
            ///
            /// # Errors
            ///
            /// As [`Payload::encode`].
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
                match self {
                    $(Self::$name(payload) => payload.encode(out),)+
                    Self::Custom(_, bytes) => {
                        out.extend_from_slice(bytes);
                        Ok(())
                    }
                }
            }

            /// The kind of record it is the payload of.
            #[must_use]
            pub fn kind(&self) -> RecordKind {
                match self {
                    $(Self::$name(_) => RecordKind::$name,)+
                    Self::Custom(custom, _) => RecordKind::Custom(*custom),
                }
            }

            /// The collection it names, if it names one.
            #[must_use]
            pub fn collection(&self) -> Option<&str> {
                match self {
                    $(Self::$name(payload) => payload.collection(),)+
                    Self::Custom(..) => None,
                }
            }
        }

        $(impl From<$name> for AnyPayload {
            fn from(payload: $name) -> Self {
                Self::$name(payload)
            }
        })+

        /// The collection that the encoded payload of a record of `kind` names, found without
        /// decoding what follows the name. Not for raw payloads: their bytes are their writer's
        /// own.
        ///
        /// A transaction names none: its operations do. Kinds of the embedding database name none.
        ///
        /// # Errors
        ///
        /// As [`Payload::collection_in`].
        pub fn collection_of(
            kind: RecordKind,
            bytes: &[u8],
        ) -> Result<Option<Cow<'_, str>>, PayloadError> {
            match kind {
                $(RecordKind::$name => $name::collection_in(bytes),)+
                RecordKind::Custom(_) => Ok(None),
            }
        }
    };
}

any_payload! {
    Noop, Put, Delete, VectorPut, VectorDelete, VectorParams, CrdtDelta, TimeseriesBatch, LogBatch,
    ArrayPut, ArrayDelete, ArrayFlush, Transaction, SurrogateAlloc, SurrogateBind, CommitOffsets,
    EpochBarrier, WriteAborted, Checkpoint, CollectionTombstoned, TimeAnchor, TemporalPurge,
    Hold, AuditSeal, CalvinApplied, CalvinSeal, ConsumerAdded, ConsumerDropped, ConsumerCursors,
}
