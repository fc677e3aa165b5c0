//! Records that say who wrote them, when in the writer's order, and how many bytes they have: who
//! finds one in a log knows whether it can be there, and whether every byte of it is right.

use crate::random::Random;

/// A batch has at most this many records, and a thread of a writer one batch in flight.
pub const BATCH_MAX: u64 = 3;

/// One record of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Which process wrote it, counted by whoever starts them.
    pub run: u32,
    /// Which of its threads.
    pub thread: u32,
    /// The thread's how manieth, from 0.
    pub sequence: u64,
}

impl Entry {
    /// How many records the thread appends together from this one on.
    #[must_use]
    pub fn batch(self) -> u64 {
        if self.sequence % 5 == 4 { BATCH_MAX } else { 1 }
    }

    /// The record `steps` after this one.
    #[must_use]
    pub fn after(self, steps: u64) -> Self {
        Self {
            sequence: self.sequence + steps,
            ..self
        }
    }

    /// What the record holds: mostly little, now and then several blocks.
    #[must_use]
    pub fn payload(self) -> Vec<u8> {
        // Every bit of who wrote it counts, whatever the sequence.
        let writer = u64::from(self.run) << 32 | u64::from(self.thread);
        let mut random = Random::new(writer.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.sequence);
        let len = if random.percent(6) { 20_000 } else { 600 };
        let len = random.index(len);
        let mut payload = Vec::with_capacity(len + 16);
        payload.extend(self.run.to_le_bytes());
        payload.extend(self.thread.to_le_bytes());
        payload.extend(self.sequence.to_le_bytes());
        payload.extend(random.bytes(len));
        payload
    }

    /// The record whose payload this is; `None` when no record has it.
    #[must_use]
    pub fn of(payload: &[u8]) -> Option<Self> {
        let (run, rest) = payload.split_first_chunk()?;
        let (thread, rest) = rest.split_first_chunk()?;
        let (sequence, _) = rest.split_first_chunk()?;
        let entry = Self {
            run: u32::from_le_bytes(*run),
            thread: u32::from_le_bytes(*thread),
            sequence: u64::from_le_bytes(*sequence),
        };
        (entry.payload() == payload).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_every_byte() {
        let entry = Entry {
            run: 3,
            thread: 2,
            sequence: 70,
        };
        let payload = entry.payload();
        assert_eq!(Entry::of(&payload), Some(entry));
        for at in 0..payload.len() {
            let mut other = payload.clone();
            other[at] ^= 1;
            assert_eq!(Entry::of(&other), None, "byte {at}");
        }
        assert_eq!(Entry::of(&payload[..payload.len() - 1]), None);
    }
}
