//! Fuzz targets: functions that take any bytes and must neither panic, nor allocate without bound,
//! nor go on for ever; and decode -> encode -> decode gives the same. The same functions run under
//! cargo-fuzz and, over the kept corpus and mutations of it, in the suite `fuzz`.

mod codecs;
mod directory;
mod input_files;
mod mutate;
mod packed;
mod payloads;
mod reseal;
mod target;

pub use mutate::mutate;
pub use packed::{pack, unpack};
pub use target::{TARGETS, Target, run};
