//! A group commit around a log that has none: whoever finds nobody at the disk takes everything that
//! waits there with it. It must not know which log.

use std::sync::{Condvar, Mutex, MutexGuard};

use crate::peer::Failure;

/// Payloads that wait, and how far the log is.
#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Vec<u8>>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    /// The batch that fills; batches below `durable` are on disk.
    filling: u64,
    durable: u64,
    is_writing: bool,
    failed: bool,
}

#[derive(Debug, Default)]
pub(super) struct GroupCommit {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl GroupCommit {
    /// Returns once `write` was called with a batch that has `payload` in it, by this thread or by
    /// another one.
    pub(super) fn commit(
        &self,
        payload: &[u8],
        write: impl Fn(&[Vec<u8>]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut queue = self.lock()?;
        let mut buffer = queue.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        queue.waiting.push(buffer);
        let mine = queue.filling;
        loop {
            if queue.durable > mine {
                return Ok(());
            }
            if queue.failed {
                return Err("the log failed before".into());
            }
            if queue.is_writing {
                let woken = self.changed.wait(queue);
                queue = woken.map_err(|_| "a writer panicked")?;
                continue;
            }
            let batch = std::mem::take(&mut queue.waiting);
            queue.filling += 1;
            queue.is_writing = true;
            drop(queue);
            let written = write(&batch);
            queue = self.lock()?;
            queue.is_writing = false;
            queue.failed = written.is_err();
            if written.is_ok() {
                queue.durable += 1;
            }
            queue.spare.extend(batch);
            self.changed.notify_all();
            written?;
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Queue>, Failure> {
        Ok(self.queue.lock().map_err(|_| "a writer panicked")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybodys_payload_is_written_once_before_they_return() {
        let (group, log) = (GroupCommit::default(), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let (group, log) = (&group, &log);
                scope.spawn(move || {
                    for number in 0..100 {
                        let payload = vec![thread, number];
                        let write = |batch: &[Vec<u8>]| {
                            log.lock().unwrap().extend_from_slice(batch);
                            Ok(())
                        };
                        group.commit(&payload, write).unwrap();
                        assert!(log.lock().unwrap().contains(&payload));
                    }
                });
            }
        });
        let mut log = log.into_inner().unwrap();
        log.sort();
        log.dedup();
        assert_eq!(log.len(), 800);
    }

    #[test]
    fn a_failed_write_is_told_to_everybody() {
        let group = GroupCommit::default();
        let fail = |_: &[Vec<u8>]| Err("no".into());
        assert!(group.commit(b"a", fail).is_err());
        assert!(group.commit(b"b", |_| Ok(())).is_err());
    }
}
