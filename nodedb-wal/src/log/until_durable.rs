//! Waiting for the durable frontier without a thread and without committing anything.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::commit::DurableLsn;
use super::followers::Place;
use super::log_handle::Log;
use super::state::Core;
use crate::error::Result;
use crate::types::Lsn;

/// Resolves when a record and everything before it is on disk, as [`Log::wait_durable`] returns. It
/// does nothing until it is polled, and may be dropped at any time.
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct UntilDurable {
    core: Arc<Core>,
    lsn: Lsn,
    /// Where the task waits that polled last.
    place: Option<Place>,
}

impl Log {
    /// As [`Self::wait_durable`], for a task: the write that brings the record to the disk wakes it. It
    /// needs no runtime.
    pub fn until_durable(&self, lsn: Lsn) -> UntilDurable {
        UntilDurable {
            core: Arc::clone(&self.core),
            lsn,
            place: None,
        }
    }
}

impl Future for UntilDurable {
    /// The errors of [`Log::wait_durable`].
    type Output = Result<DurableLsn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { core, lsn, place } = &mut *self;
        core.poll_durable(*lsn, place, context.waker())
    }
}

impl Drop for UntilDurable {
    fn drop(&mut self) {
        self.core.forget(&mut self.place);
    }
}
