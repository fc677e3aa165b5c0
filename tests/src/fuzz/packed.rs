//! Files as a fuzzer likes them: short. Each block is its length without the zeros at its end, in two
//! bytes, and its bytes. Any bytes are some file.

use nodedb_wal::format::layout::BLOCK_BYTES;

/// `file`, packed. Its last block is filled up with zeros.
#[must_use]
pub fn pack(file: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for block in file.chunks(BLOCK_BYTES) {
        let len = block
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |at| at + 1);
        let count = u16::try_from(len).unwrap_or(u16::MAX);
        packed.extend_from_slice(&count.to_le_bytes());
        packed.extend_from_slice(&block[..len]);
    }
    packed
}

/// The file of at most `blocks_max` blocks that `packed` starts with, and what is left of it.
#[must_use]
pub fn unpack(mut packed: &[u8], blocks_max: usize) -> (Vec<u8>, &[u8]) {
    let mut file = Vec::new();
    for _ in 0..blocks_max {
        let Some((count, rest)) = packed.split_first_chunk() else {
            break;
        };
        let len = usize::from(u16::from_le_bytes(*count)) % (BLOCK_BYTES + 1);
        let (block, rest) = rest.split_at(len.min(rest.len()));
        file.extend_from_slice(block);
        file.resize(file.len().next_multiple_of(BLOCK_BYTES), 0);
        if block.is_empty() {
            file.resize(file.len() + BLOCK_BYTES, 0);
        }
        packed = rest;
    }
    (file, packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let mut file = vec![0; 3 * BLOCK_BYTES];
        file[5] = 1;
        file[2 * BLOCK_BYTES..].fill(7);
        let packed = pack(&file);
        assert_eq!(packed.len(), 3 * 2 + 6 + BLOCK_BYTES);
        assert_eq!(unpack(&packed, 3), (file.clone(), &[][..]));
        assert_eq!(unpack(&packed, 2).0, file[..2 * BLOCK_BYTES]);
    }
}
