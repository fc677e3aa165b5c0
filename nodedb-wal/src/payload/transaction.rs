//! Several operations that apply all or none.

use super::error::BrokenRule;
use super::msgpack::{msgpack_element, msgpack_payload};
use super::{AnyPayload, Payload, PayloadError};
use crate::types::{KindCode, RecordKind};

/// Several operations that apply all or none. Version 1: msgpack.
///
/// The record names no collection of its own: a filter that hides a collection has to look at the
/// operations. Operations are not decoded with the transaction; see [`Operation::decode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The operations in the order they apply. None is a transaction itself, and none is a control
    /// record: those are found through footers and kept in catalogs, which know of records only.
    pub operations: Vec<Operation>,
}

msgpack_payload!(
    Transaction, version 1, collection none,
    [operations],
    check check,
);

impl Transaction {
    fn check(&self) -> Result<(), BrokenRule> {
        let nested = |operation: &Operation| operation.kind == RecordKind::Transaction.code();
        if self.operations.iter().any(nested) {
            return Err(BrokenRule {
                field: "operations",
                requirement: "must not hold another transaction",
            });
        }
        let steers = |operation: &Operation| {
            let kind = operation.kind.known();
            kind.is_some_and(RecordKind::is_control)
        };
        if self.operations.iter().any(steers) {
            return Err(BrokenRule {
                field: "operations",
                requirement: "must not hold a control record",
            });
        }
        Ok(())
    }
}

/// One operation of a transaction: a record without a header of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What the operation says, with the required bit: a reader that does not know a required kind
    /// must stop, as with a record.
    pub kind: KindCode,
    /// The collection the payload names, if it names one.
    pub collection: Option<String>,
    /// The operation's encoded payload, versioned as in a record of its own.
    pub payload: Vec<u8>,
}

msgpack_element!(Operation, [kind, collection, payload]);

impl Operation {
    /// The operation with this payload.
    ///
    /// # Errors
    ///
    /// The payload cannot be encoded.
    pub fn new<P: Payload>(payload: &P) -> Result<Self, PayloadError> {
        let mut bytes = Vec::new();
        payload.encode(&mut bytes)?;
        Ok(Self {
            kind: P::KIND.code(),
            collection: payload.collection().map(str::to_owned),
            payload: bytes,
        })
    }

    /// The operation's payload, or `None` when this version of the log does not know the kind.
    ///
    /// # Errors
    ///
    /// The bytes are not those of a payload of the kind.
    pub fn decode(&self) -> Result<Option<AnyPayload>, PayloadError> {
        self.kind
            .known()
            .map(|kind| AnyPayload::decode(kind, &self.payload))
            .transpose()
    }
}
