//! The targets by name.

use super::{codecs, directory, input_files, payloads};

/// A function that takes any bytes, and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Names the folder of its corpus, and the program under cargo-fuzz.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs longer than this add nothing.
    pub input_bytes_max: usize,
}

const fn target(name: &'static str, run: fn(&[u8]), input_bytes_max: usize) -> Target {
    Target {
        name,
        run,
        input_bytes_max,
    }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("record_header", codecs::record_header, 80),
    target("frontier", codecs::frontier, 80),
    target("segment_header", codecs::segment_header, 4200),
    target("trailer", codecs::trailer, 4400),
    target("footer", codecs::footer, 4096),
    target("file_name", codecs::file_name, 64),
    target("segment", directory::segment, 1 << 14),
    target("directory", directory::directory, 1 << 15),
    target("payload", payloads::payload, 4096),
    target("payload_view", payloads::view, 4096),
    target("input_file", input_files::input_file, 4096),
    target("arguments", input_files::arguments, 512),
];

/// Runs the target of this name.
///
/// # Panics
///
/// There is none, or a promise is broken.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    match target {
        Some(target) => (target.run)(bytes),
        None => panic!("no target is called `{name}`"),
    }
}
