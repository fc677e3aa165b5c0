//! Nodes in temporary directories.

mod holds;
mod keeper;
mod opening;
mod support;
mod tenants;
