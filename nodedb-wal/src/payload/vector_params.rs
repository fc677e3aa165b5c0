//! A vector index was given its parameters.

use super::PayloadError;
use super::error::BrokenRule;
use super::msgpack::{Field, Reader, Writer, msgpack_payload};

/// A collection's vector index was made, or given other parameters. Version 1: msgpack.
///
/// The graph parameters are those of HNSW (Malkov and Yashunin, 2016, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorParams {
    /// The collection that is indexed.
    pub collection: String,
    /// How many numbers a vector has; at least 1.
    pub dimension: u32,
    /// How near two vectors are.
    pub metric: VectorMetric,
    /// HNSW's `M`: links per node and layer.
    pub m: u32,
    /// HNSW's `efConstruction`: candidates looked at when a node is inserted.
    pub ef_construction: u32,
    /// HNSW's `ef`: candidates looked at when a query is answered.
    pub ef_search: u32,
}

msgpack_payload!(
    VectorParams, version 1, collection named,
    [collection, dimension, metric, m, ef_construction, ef_search],
    check check,
);

impl VectorParams {
    fn check(&self) -> Result<(), BrokenRule> {
        if self.dimension == 0 {
            return Err(BrokenRule {
                field: "dimension",
                requirement: "must be at least 1",
            });
        }
        Ok(())
    }
}

/// How near two vectors are. Each is stored as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VectorMetric {
    /// Euclidean distance, squared.
    L2 = 0,
    /// One minus the cosine of the angle between them.
    Cosine = 1,
    /// The negated inner product.
    InnerProduct = 2,
    /// The sum of absolute differences.
    Manhattan = 3,
    /// The largest absolute difference.
    Chebyshev = 4,
    /// How many signs differ.
    Hamming = 5,
}

impl VectorMetric {
    /// Every metric, in order of number.
    pub const ALL: [Self; 6] = [
        Self::L2,
        Self::Cosine,
        Self::InnerProduct,
        Self::Manhattan,
        Self::Chebyshev,
        Self::Hamming,
    ];
}

impl Field<'_> for VectorMetric {
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        (*self as u16).put(writer)
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        let start = *reader;
        let number = u16::take(reader)?;
        Self::ALL
            .into_iter()
            .find(|metric| *metric as u16 == number)
            .ok_or_else(|| start.malformed(format!("there is no metric {number}")))
    }
}
