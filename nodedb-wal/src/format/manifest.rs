//! The manifest of a log per core: which cores there are, and the last consistent cut across them. It
//! is written whole, under another name, and renamed.

use super::cursor::{put, take};
use super::layout::{BLOCK_BYTES, MANIFEST_MAGIC, VERSION, manifest, manifest_core, manifest_void};
use crate::format::checksum::crc32c;
use crate::types::{Epoch, Lsn, LsnRange, Timestamp};

/// What a log per core says of itself as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Counts the manifests of the directory, from 1.
    pub generation: u64,
    /// No record was written in a later epoch when the manifest was.
    pub epoch: Epoch,
    /// The epoch that the last cut ended; [`Epoch::NONE`] before the first.
    pub cut_epoch: Epoch,
    /// When the last cut was made.
    pub cut_at: Timestamp,
    /// Every core that ever had a log here, in order of number.
    pub cores: Vec<ManifestCore>,
    /// Records that count no more, in order of core and LSN.
    pub voids: Vec<ManifestVoid>,
    /// How far the sources were taken in: encoded payloads, whose form is their own.
    pub sources: Vec<Vec<u8>>,
}

/// One core in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestCore {
    /// Its number.
    pub core: u32,
    /// Whether it has a writer. One that has none is merged until nothing is left of it.
    pub is_written: bool,
    /// The id of its log.
    pub log_id: u128,
    /// Its last record in the last cut: it and all before it were durable.
    pub cut_lsn: Lsn,
}

/// Records of a core that count no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManifestVoid {
    /// The core.
    pub core: u32,
    /// The records.
    pub lsns: LsnRange,
}

/// Why bytes are not a manifest this version can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// The bytes are not what was written.
    #[error("the manifest is damaged")]
    Damaged,
    /// Written by a later version, or with a flag this version does not know.
    #[error(
        "the manifest is of version {version} with flags {flags:#x}: this version reads {VERSION} without flags"
    )]
    Unknown {
        /// Its version.
        version: u32,
        /// Its flags.
        flags: u32,
    },
}

/// Set in a core that has a writer.
const WRITTEN: u32 = 1;

impl Manifest {
    /// The manifest as whole blocks.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; manifest::BYTES];
        for core in &self.cores {
            bytes.extend(core.encode());
        }
        for void in &self.voids {
            bytes.extend(void.encode());
        }
        for source in &self.sources {
            bytes.extend(count(source.len()).to_le_bytes());
            bytes.extend(source);
        }
        let (head, body) = bytes.split_at_mut(manifest::BYTES);
        let body_len = body.len() as u64;
        put(head, manifest::magic, &MANIFEST_MAGIC);
        put(head, manifest::version, &VERSION.to_le_bytes());
        put(head, manifest::body_len, &body_len.to_le_bytes());
        put(head, manifest::body_crc, &crc32c(body).to_le_bytes());
        put(
            head,
            manifest::cores,
            &count(self.cores.len()).to_le_bytes(),
        );
        put(
            head,
            manifest::voids,
            &count(self.voids.len()).to_le_bytes(),
        );
        put(
            head,
            manifest::sources,
            &count(self.sources.len()).to_le_bytes(),
        );
        put(head, manifest::generation, &self.generation.to_le_bytes());
        put(head, manifest::epoch, &self.epoch.value().to_le_bytes());
        put(
            head,
            manifest::cut_epoch,
            &self.cut_epoch.value().to_le_bytes(),
        );
        put(
            head,
            manifest::cut_at,
            &self.cut_at.as_nanos().to_le_bytes(),
        );
        let crc = crc32c(&head[..manifest::header_crc.offset]);
        put(head, manifest::header_crc, &crc.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        bytes
    }

    /// The manifest in `bytes`, and zeros behind it.
    ///
    /// # Errors
    ///
    /// See [`ManifestFault`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestFault> {
        let Some((head, rest)) = bytes.split_at_checked(manifest::BYTES) else {
            return Err(ManifestFault::Damaged);
        };
        check_head(head)?;
        let u32_at = |field| u32::from_le_bytes(take(head, field));
        let u64_at = |field| u64::from_le_bytes(take(head, field));
        let body = usize::try_from(u64_at(manifest::body_len))
            .ok()
            .and_then(|len| rest.get(..len))
            .filter(|body| crc32c(body) == u32_at(manifest::body_crc))
            .ok_or(ManifestFault::Damaged)?;
        let mut body = Body { rest: body };
        let decoded = Self {
            generation: u64_at(manifest::generation),
            epoch: Epoch::new(u64_at(manifest::epoch)),
            cut_epoch: Epoch::new(u64_at(manifest::cut_epoch)),
            cut_at: Timestamp::from_nanos(i64::from_le_bytes(take(head, manifest::cut_at))),
            cores: body.many(u32_at(manifest::cores), |body| {
                body.split(manifest_core::BYTES)
                    .and_then(ManifestCore::decode)
            })?,
            voids: body.many(u32_at(manifest::voids), |body| {
                body.split(manifest_void::BYTES)
                    .and_then(ManifestVoid::decode)
            })?,
            sources: body.many(u32_at(manifest::sources), |body| {
                let len = u32::from_le_bytes(*body.split(4)?.first_chunk()?);
                Some(body.split(usize::try_from(len).ok()?)?.to_vec())
            })?,
        };
        if body.rest.is_empty() {
            Ok(decoded)
        } else {
            Err(ManifestFault::Damaged)
        }
    }
}

/// The head says what it is before anything else of it is believed.
fn check_head(head: &[u8]) -> Result<(), ManifestFault> {
    let u32_at = |field| u32::from_le_bytes(take(head, field));
    if take::<8>(head, manifest::magic) != MANIFEST_MAGIC {
        return Err(ManifestFault::Damaged);
    }
    let (version, flags) = (u32_at(manifest::version), u32_at(manifest::flags));
    // A later version may keep its checksum elsewhere.
    if version != VERSION {
        return Err(ManifestFault::Unknown { version, flags });
    }
    if u32_at(manifest::header_crc) != crc32c(&head[..manifest::header_crc.offset]) {
        return Err(ManifestFault::Damaged);
    }
    if flags != 0 {
        return Err(ManifestFault::Unknown { version, flags });
    }
    Ok(())
}

impl ManifestCore {
    fn encode(&self) -> [u8; manifest_core::BYTES] {
        let mut bytes = [0; manifest_core::BYTES];
        let flags = if self.is_written { WRITTEN } else { 0 };
        put(&mut bytes, manifest_core::core, &self.core.to_le_bytes());
        put(&mut bytes, manifest_core::flags, &flags.to_le_bytes());
        put(
            &mut bytes,
            manifest_core::log_id,
            &self.log_id.to_le_bytes(),
        );
        put(
            &mut bytes,
            manifest_core::cut_lsn,
            &self.cut_lsn.value().to_le_bytes(),
        );
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let flags = u32::from_le_bytes(take(bytes, manifest_core::flags));
        (flags & !WRITTEN == 0).then(|| Self {
            core: u32::from_le_bytes(take(bytes, manifest_core::core)),
            is_written: flags == WRITTEN,
            log_id: u128::from_le_bytes(take(bytes, manifest_core::log_id)),
            cut_lsn: Lsn::new(u64::from_le_bytes(take(bytes, manifest_core::cut_lsn))),
        })
    }
}

impl ManifestVoid {
    fn encode(&self) -> [u8; manifest_void::BYTES] {
        let mut bytes = [0; manifest_void::BYTES];
        let (first, last) = (self.lsns.first.value(), self.lsns.last.value());
        put(&mut bytes, manifest_void::core, &self.core.to_le_bytes());
        put(&mut bytes, manifest_void::first_lsn, &first.to_le_bytes());
        put(&mut bytes, manifest_void::last_lsn, &last.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let lsn = |field| Lsn::new(u64::from_le_bytes(take(bytes, field)));
        let (first, last) = (lsn(manifest_void::first_lsn), lsn(manifest_void::last_lsn));
        (first <= last).then(|| Self {
            core: u32::from_le_bytes(take(bytes, manifest_void::core)),
            lsns: LsnRange { first, last },
        })
    }
}

/// What is left of the body.
struct Body<'a> {
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    fn split(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(front)
    }

    /// Nothing is allocated ahead for a count that may not be true.
    fn many<T>(
        &mut self,
        count: u32,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<Vec<T>, ManifestFault> {
        (0..count)
            .map(|_| one(self).ok_or(ManifestFault::Damaged))
            .collect()
    }
}

/// No list of a manifest comes near this: what is longer would not be read back, and is not written.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        let lsns = LsnRange {
            first: Lsn::new(4),
            last: Lsn::new(9),
        };
        let core = |core, is_written, cut_lsn| ManifestCore {
            core,
            is_written,
            log_id: u128::MAX - u128::from(core),
            cut_lsn: Lsn::new(cut_lsn),
        };
        Manifest {
            generation: 7,
            epoch: Epoch::new(12),
            cut_epoch: Epoch::new(11),
            cut_at: Timestamp::from_nanos(-5),
            cores: vec![core(0, true, 3), core(1, false, 0)],
            voids: vec![ManifestVoid { core: 1, lsns }],
            sources: vec![b"first".to_vec(), Vec::new(), vec![9; 5_000]],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for manifest in [sample(), Manifest::default()] {
            let bytes = manifest.encode();
            assert_eq!(bytes.len() % BLOCK_BYTES, 0);
            assert_eq!(Manifest::decode(&bytes), Ok(manifest));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = sample().encode();
        let used = 96 + 2 * 32 + 24 + (4 + 5) + 4 + (4 + 5_000);
        for at in 0..used {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(Manifest::decode(&damaged).is_err(), "byte {at}");
            assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(Manifest::decode(&bytes[..used]).is_ok());
    }

    #[test]
    fn another_version_is_not_taken_for_damage() {
        let mut bytes = sample().encode();
        bytes[manifest::version.offset] = 2;
        let expected = ManifestFault::Unknown {
            version: 2,
            flags: 0,
        };
        assert_eq!(Manifest::decode(&bytes), Err(expected));
    }
}
