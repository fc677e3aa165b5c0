//! Handing a full buffer over: whoever appends without committing goes on encoding while a thread
//! of the log brings the buffer to the disk.
//!
//! The thread is started by the first buffer that is full. It ends with the log. Where threads are
//! not allowed, and for a write that was refused, whoever appends writes the buffer out himself.

use std::sync::Arc;

use super::state::{Core, Disk, State};
use crate::error::{Error, Result};
use crate::segment::WriteBuffer;
use crate::sync::{Condvar, JoinHandle, MutexGuard, ThreadBuilder};

/// The thread, and how it is told.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// A write was handed over, or the log ends. Waited on with `Core::state`.
    pub(crate) asked: Condvar,
}

/// The part of the state that is about handing over.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// The write the thread is to do next. The disk is taken for it.
    write: Option<WriteBuffer>,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

impl Core {
    /// Gets a full buffer on its way, the disk being idle: by the thread, or here and now.
    pub(crate) fn write_or_hand_over(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
    ) -> Result<()> {
        // A write that was refused is tried again by whoever gets the error.
        if state.refused.is_some() {
            return self.write_out(state);
        }
        if !self.storage.allows_threads() {
            state.disk = Disk::Writing;
            let write = self.cut(state);
            let written = self.write_full(state, write);
            self.release_disk(state);
            return written;
        }
        if state.handed.thread.is_none() {
            state.handed.thread = Some(self.spawn_writer()?);
        }
        state.disk = Disk::Writing;
        state.handed.write = Some(self.cut(state));
        self.handover.asked.notify_one();
        Ok(())
    }

    fn spawn_writer(self: &Arc<Self>) -> Result<JoinHandle<()>> {
        let core = Arc::clone(self);
        ThreadBuilder::new()
            .name("wal-write".to_owned())
            .spawn(move || core.write_handed())
            .map_err(|source| Error::Io {
                operation: "start a thread for",
                path: self.storage.path().to_path_buf(),
                source,
            })
    }

    /// Does the writes that are handed over, until the log ends.
    fn write_handed(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(write) = state.handed.write.take() {
                // What goes wrong is in the state by now: whoever appends or commits next is told.
                if let Err(error) = self.write_full(&mut state, write) {
                    tracing::debug!(%error, "a write that was handed over failed");
                }
                self.release_disk(&mut state);
            } else if state.handed.is_over {
                return;
            } else {
                self.handover.asked.wait(&mut state);
            }
        }
    }

    /// Ends the thread, after the write it is at.
    pub(crate) fn end_handover(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.handed.is_over = true;
            self.handover.asked.notify_all();
            state.handed.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes full buffers panicked");
        }
    }
}
