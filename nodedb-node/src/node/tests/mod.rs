//! Nodes in temporary directories.

mod consumer_batches;
mod consumer_groups;
mod consumer_limits;
mod consumers;
mod holds;
mod keeper;
mod opening;
mod support;
mod tenants;
