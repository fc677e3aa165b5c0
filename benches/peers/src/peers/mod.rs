//! The peers, one file each: how it is set up, and what its commit is, read from its source.

mod all;
mod commit_log;
mod fjall_store;
mod group;
#[cfg(feature = "laminar")]
mod laminar;
mod okay;
mod ours;
mod published;
mod raft;
mod raw;
mod redb_store;
mod walrus;

#[cfg(test)]
mod tests;

pub(crate) use all::ALL;
