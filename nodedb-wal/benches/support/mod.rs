//! What the benchmarks of the parts share: the list of parts, and a log directory in memory.

mod bytes;
mod logs;
mod memory;
mod payloads;
mod workload;

pub(crate) use workload::all;
