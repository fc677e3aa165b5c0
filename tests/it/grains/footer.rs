//! A sealed segment's file, of which the footer's grains can be found and changed, the checksums made to
//! fit.

use nodedb_wal::format::SegmentHeader;
use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::format::layout::record;

/// One grain in its file: where, and what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grain {
    at: usize,
}

impl Grain {
    pub(super) fn steps(self, file: &[u8]) -> u16 {
        u16::from_le_bytes([file[self.at], file[self.at + 1]])
    }

    pub(super) fn set_steps(self, file: &mut [u8], steps: u16) {
        file[self.at..self.at + 2].copy_from_slice(&steps.to_le_bytes());
    }

    pub(super) fn records_before(self, file: &[u8]) -> u16 {
        u16::from_le_bytes([file[self.at + 2], file[self.at + 3]])
    }

    pub(super) fn set_records_before(self, file: &mut [u8], records: u16) {
        file[self.at + 2..self.at + 4].copy_from_slice(&records.to_le_bytes());
    }

    pub(super) fn tenants(self, file: &[u8]) -> u64 {
        u64::from_le_bytes(file[self.at + 4..self.at + 12].try_into().unwrap())
    }

    pub(super) fn set_tenants(self, file: &mut [u8], mask: u64) {
        file[self.at + 4..self.at + 12].copy_from_slice(&mask.to_le_bytes());
    }
}

/// The grains of each zone of the segment in `file`, whose footer is at `footer`.
pub(super) fn grains(file: &[u8], footer: usize) -> Vec<Vec<Grain>> {
    let mut at = footer + record::BYTES + 8 * 8;
    at += 4 + 12 * count(file, at);
    for _ in 0..3 {
        at += 4 + 8 + 16 * count(file, at);
    }
    let zones = count(file, at);
    at += 4 + 88 * zones;
    at += 4 + 8 * count(file, at);
    at += 4 + 16 + 32 * count(file, at);
    let mut of_zones = Vec::new();
    for _ in 0..zones {
        let grains = usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        at += 2;
        of_zones.push((0..grains).map(|it| Grain { at: at + it * 20 }).collect());
        at += grains * 20;
    }
    let end = footer + record::BYTES + count(file, footer + record::payload_len.offset);
    assert_eq!(at, end, "the footer is another than this file takes it for");
    of_zones
}

/// Makes the footer's checksums fit.
pub(super) fn reseal(file: &mut [u8], footer: usize) {
    let header = SegmentHeader::decode_block(file.first_chunk().unwrap()).unwrap();
    let len = count(file, footer + record::payload_len.offset);
    let payload = footer + record::BYTES;
    let payload_crc = crc32c(&file[payload..payload + len]).to_le_bytes();
    let mut head: [u8; record::BYTES] = file[footer..payload].try_into().unwrap();
    head[record::payload_crc.offset..][..4].copy_from_slice(&payload_crc);
    let header_crc = header.seed().header_crc(&head).to_le_bytes();
    head[record::header_crc.offset..][..4].copy_from_slice(&header_crc);
    file[footer..payload].copy_from_slice(&head);
}

fn count(file: &[u8], at: usize) -> usize {
    usize::try_from(u32::from_le_bytes(file[at..at + 4].try_into().unwrap())).unwrap()
}
