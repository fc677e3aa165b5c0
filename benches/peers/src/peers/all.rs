//! The list of all peers.

#[cfg(feature = "laminar")]
use super::laminar;
use super::{commit_log, fjall_store, okay, ours, published, raft, raw, redb_store, walrus};
use crate::peer::Kind;

/// Everybody, the disk and ours first.
pub(crate) const ALL: &[&Kind] = &[
    &raw::KIND,
    &ours::KIND,
    &published::AS_IT_COMES,
    &published::TUNED,
    &walrus::KIND,
    &raft::KIND,
    &okay::KIND,
    &commit_log::KIND,
    #[cfg(feature = "laminar")]
    &laminar::KIND,
    &fjall_store::KIND,
    &redb_store::KIND,
];
