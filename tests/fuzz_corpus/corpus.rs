//! The kept inputs: a folder for each target, a file for each input, named by its content.

use std::path::PathBuf;

/// The folder of a target's inputs.
pub(crate) fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

/// The inputs of a target, in order of name.
pub(crate) fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(target)).into_iter().flatten();
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

/// Keeps an input.
pub(crate) fn keep(target: &str, input: &[u8]) {
    std::fs::create_dir_all(folder(target)).unwrap();
    let name = format!("{:016x}", hash(input));
    std::fs::write(folder(target).join(name), input).unwrap();
}

/// FNV-1a, 64 bits (RFC 9923). Not a CRC: bytes that hold their own CRC all have the same.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
