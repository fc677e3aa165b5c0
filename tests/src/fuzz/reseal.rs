//! Makes checksums of a segment fit whatever its bytes are: what is behind a checksum is code too,
//! and a fuzzer does not guess checksums.

use nodedb_wal::format::checksum::{HeaderSeed, crc32c};
use nodedb_wal::format::layout::{
    ALIGN_BYTES, BLOCK_BYTES, DATA_START, FRONTIER_KIND, Field, SEGMENT_MAGIC, TRAILER_MAGIC,
    frontier, record, record_bytes, segment, trailer,
};

use super::codecs::seal_copies;

/// Which things are made to fit, as bits of a number that the fuzzer chooses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reseal(u8);

impl Reseal {
    pub(super) fn of(choice: u8) -> Self {
        Self(choice)
    }

    /// Whether a checksum may vouch for what no log ever wrote.
    pub(super) fn forges(self) -> bool {
        self.0 & 0x1f != 0
    }

    fn has(self, bit: u8) -> bool {
        self.0 & (1 << bit) != 0
    }

    /// Changes `file` accordingly.
    pub(super) fn apply(self, file: &mut [u8]) {
        let len = file.len() as u64;
        if self.has(0)
            && let Some(block) = file.first_chunk_mut::<BLOCK_BYTES>()
            && block.starts_with(&SEGMENT_MAGIC)
        {
            if self.has(1) {
                set(block, segment::capacity, &len.to_le_bytes());
            }
            seal_copies(block, segment::header_crc.offset);
        }
        let Some(&header) = file.first_chunk::<BLOCK_BYTES>() else {
            return;
        };
        if self.has(2)
            && let Some(block) = file.last_chunk_mut::<BLOCK_BYTES>()
            && block.starts_with(&TRAILER_MAGIC)
        {
            for (to, from) in [
                (trailer::log_id, segment::log_id),
                (trailer::number, segment::number),
                (trailer::first_lsn, segment::first_lsn),
                (trailer::salt, segment::salt),
            ] {
                let value = header[from.offset..from.offset + from.width].to_vec();
                set(block, to, &value);
            }
            if self.has(1) {
                set(block, trailer::file_len, &len.to_le_bytes());
            }
            seal_copies(block, trailer::trailer_crc.offset);
        }
        if self.has(3) {
            let mut salt = [0; 8];
            salt.copy_from_slice(&header[segment::salt.offset..][..8]);
            let seed = HeaderSeed::of_salt(u64::from_le_bytes(salt));
            self.structures(file, seed);
        }
    }

    /// Header and payload checksums, wherever a walk that believes every length comes by.
    fn structures(self, file: &mut [u8], seed: HeaderSeed) {
        let mut at = usize::try_from(DATA_START).unwrap_or(BLOCK_BYTES);
        while let Some(head) = file.get(at..).and_then(<[u8]>::first_chunk::<64>) {
            if head.iter().all(|&byte| byte == 0) {
                at = (at + 1).next_multiple_of(BLOCK_BYTES);
                continue;
            }
            let mut head = *head;
            let is_frontier = head[12..14] == FRONTIER_KIND.to_le_bytes();
            let mut next = at + record::BYTES;
            if is_frontier {
                let units = u32::try_from(at / ALIGN_BYTES).unwrap_or(u32::MAX);
                set(&mut head, frontier::position, &units.to_le_bytes());
            } else {
                let len = payload_len(&head);
                if let Some(payload) = file.get(at + record::BYTES..).and_then(|p| p.get(..len)) {
                    if self.has(4) {
                        let crc = crc32c(payload);
                        set(&mut head, record::payload_crc, &crc.to_le_bytes());
                    }
                    next = at + record_bytes(len);
                }
            }
            let crc = seed.header_crc(&head);
            set(&mut head, record::header_crc, &crc.to_le_bytes());
            file[at..at + record::BYTES].copy_from_slice(&head);
            at = next;
        }
    }
}

fn payload_len(head: &[u8; 64]) -> usize {
    let mut len = [0; 4];
    len.copy_from_slice(&head[record::payload_len.offset..][..4]);
    usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX)
}

fn set(bytes: &mut [u8], field: Field, value: &[u8]) {
    bytes[field.offset..field.offset + field.width].copy_from_slice(value);
}
