//! What the writers said: how far each thread of each round meant to come, and what was
//! acknowledged. It grows by eight bytes a record.

use std::collections::HashMap;

use nodedb_wal::types::Lsn;

use super::service_checks::ServiceLedger;
use super::wire::Message;

/// What one thread of one round said.
#[derive(Clone, Debug, Default)]
pub(super) struct ThreadLedger {
    /// Operations it was about to append, from 0 on without a gap.
    pub(super) intended: u64,
    /// What tombstones of an operation purge up to, for the operations that have any.
    purge_lsns: HashMap<u64, Lsn>,
}

impl ThreadLedger {
    /// What the operation's tombstones purge up to.
    pub(super) fn purge_lsn(&self, sequence: u64) -> Lsn {
        self.purge_lsns.get(&sequence).copied().unwrap_or(Lsn::ZERO)
    }
}

/// What all writers said.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The last record that was there before the demo.
    base: Lsn,
    rounds: Vec<Vec<ThreadLedger>>,
    /// Digest of each acknowledged record behind `base`; 0 for those not acknowledged.
    digests: Vec<u64>,
    acknowledged: u64,
    commits: u64,
    /// Things the writer cannot rightly have said.
    pub(super) nonsense: Vec<String>,
    /// What was said of the services.
    pub(super) services: ServiceLedger,
}

impl Ledger {
    pub(super) fn new(base: Lsn) -> Self {
        Self {
            base,
            rounds: Vec::new(),
            digests: Vec::new(),
            acknowledged: 0,
            commits: 0,
            nonsense: Vec::new(),
            services: ServiceLedger::default(),
        }
    }

    /// Starts a round of so many threads.
    pub(super) fn begin_round(&mut self, threads: u32) {
        self.rounds
            .push((0..threads).map(|_| ThreadLedger::default()).collect());
    }

    /// Notes what a writer of the last round said.
    pub(super) fn note(&mut self, message: Message) {
        let noted = match message {
            Message::Ready => Ok(()),
            Message::Committed => {
                self.commits += 1;
                Ok(())
            }
            Message::Intent {
                thread,
                sequence,
                purge_lsn,
            } => self.note_intent(thread, sequence, purge_lsn),
            Message::Served(served) => {
                self.services.note(served);
                Ok(())
            }
            Message::Acknowledged { lsn, digest } => self.note_acknowledged(lsn, digest),
        };
        if let Err(nonsense) = noted {
            self.nonsense.push(nonsense);
        }
    }

    fn note_intent(&mut self, thread: u32, sequence: u64, purge_lsn: Lsn) -> Result<(), String> {
        let threads = self
            .rounds
            .last_mut()
            .map_or(&mut [][..], Vec::as_mut_slice);
        let known = usize::try_from(thread)
            .ok()
            .and_then(|thread| threads.get_mut(thread));
        match known {
            Some(known) if known.intended == sequence => {
                known.intended += 1;
                if purge_lsn != Lsn::ZERO {
                    known.purge_lsns.insert(sequence, purge_lsn);
                }
                Ok(())
            }
            _ => Err(format!(
                "thread {thread} meant to append operation {sequence} out of turn"
            )),
        }
    }

    fn note_acknowledged(&mut self, lsn: Lsn, digest: u64) -> Result<(), String> {
        let index = self.index(lsn).ok_or_else(|| {
            format!("record {lsn} was acknowledged, but was there before the demo")
        })?;
        if index >= self.digests.len() {
            self.digests.resize(index + 1, 0);
        }
        if self.digests[index] != 0 {
            return Err(format!("record {lsn} was acknowledged twice"));
        }
        self.digests[index] = digest;
        self.acknowledged += 1;
        Ok(())
    }

    fn index(&self, lsn: Lsn) -> Option<usize> {
        let distance = lsn.value().checked_sub(self.base.next().value())?;
        usize::try_from(distance).ok()
    }

    /// The last record that was there before the demo.
    pub(super) const fn base(&self) -> Lsn {
        self.base
    }

    /// What the threads of each round said.
    pub(super) fn rounds(&self) -> &[Vec<ThreadLedger>] {
        &self.rounds
    }

    /// The digest of a record, if it was acknowledged.
    pub(super) fn digest(&self, lsn: Lsn) -> Option<u64> {
        let digest = *self.digests.get(self.index(lsn)?)?;
        (digest != 0).then_some(digest)
    }

    /// The first record after `lsn` that was acknowledged.
    pub(super) fn first_after(&self, lsn: Lsn) -> Option<Lsn> {
        let from = self.index(lsn.next())?;
        let digests = self.digests.get(from..)?;
        let distance = digests.iter().position(|digest| *digest != 0)? as u64;
        Some(lsn.next().advanced_by(distance))
    }

    /// Records acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Commits that returned.
    pub(super) const fn commits(&self) -> u64 {
        self.commits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(thread: u32, sequence: u64, purge: u64) -> Message {
        Message::Intent {
            thread,
            sequence,
            purge_lsn: Lsn::new(purge),
        }
    }

    fn acknowledged(lsn: u64, digest: u64) -> Message {
        Message::Acknowledged {
            lsn: Lsn::new(lsn),
            digest,
        }
    }

    #[test]
    fn it_keeps_what_was_said() {
        let mut ledger = Ledger::new(Lsn::new(10));
        ledger.begin_round(2);
        for message in [
            Message::Ready,
            intent(1, 0, 0),
            intent(1, 1, 7),
            acknowledged(13, 5),
            acknowledged(11, 6),
            Message::Committed,
        ] {
            ledger.note(message);
        }
        assert_eq!(ledger.nonsense, Vec::<String>::new());
        assert_eq!((ledger.acknowledged(), ledger.commits()), (2, 1));
        let digests = [10, 11, 12, 13, 14].map(|lsn| ledger.digest(Lsn::new(lsn)));
        assert_eq!(digests, [None, Some(6), None, Some(5), None]);
        let after = [10, 11, 13].map(|lsn| ledger.first_after(Lsn::new(lsn)));
        assert_eq!(after, [Some(Lsn::new(11)), Some(Lsn::new(13)), None]);
        let thread = &ledger.rounds()[0][1];
        assert_eq!(thread.intended, 2);
        assert_eq!(
            (thread.purge_lsn(0), thread.purge_lsn(1)),
            (Lsn::ZERO, Lsn::new(7))
        );
    }

    #[test]
    fn what_cannot_be_is_noticed() {
        for message in [
            intent(0, 1, 0),
            intent(2, 0, 0),
            acknowledged(10, 1),
            acknowledged(11, 2),
        ] {
            let mut ledger = Ledger::new(Lsn::new(10));
            ledger.begin_round(2);
            ledger.note(acknowledged(11, 1));
            ledger.note(message);
            assert_eq!(ledger.nonsense.len(), 1, "{message:?}");
        }
    }
}
