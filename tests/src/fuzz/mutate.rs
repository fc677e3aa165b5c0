//! Changes bytes by chance, from a seed: what a stable toolchain has in place of a fuzzer.

use crate::random::Random;

/// Numbers at which code likes to be wrong.
const EDGES: [u64; 8] = [
    0,
    1,
    u64::MAX,
    u64::MAX - 1,
    1 << 31,
    0xffff_ffff,
    1 << 63,
    0x7fff,
];

/// `input` with a few changes, no longer than `len_max`.
#[must_use]
pub fn mutate(input: &[u8], random: &mut Random, len_max: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, random);
    }
    bytes.truncate(len_max);
    bytes
}

fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.index(bytes.len());
    let len = random.index(9).min(bytes.len() - at);
    match random.below(7) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            let new = random.bytes(len);
            bytes[at..at + len].copy_from_slice(&new);
        }
        2 => {
            let edge = random.pick(&EDGES).to_le_bytes();
            let width = random.pick(&[1, 2, 4, 8]).min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&edge[..width]);
        }
        3 => drop(bytes.drain(at..at + len)),
        4 => {
            let new = random.bytes(len);
            bytes.splice(at..at, new);
        }
        5 => {
            let copy = bytes[at..at + len].to_vec();
            let to = random.index(bytes.len());
            bytes.splice(to..to, copy);
        }
        _ => bytes.truncate(at),
    }
}
