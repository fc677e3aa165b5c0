//! A tail and a follower as streams of futures. A stream cannot lend its items, so that each record is
//! copied once; whoever minds polls the tail itself. The only user of `futures-core`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::follower_stream::FollowerStream;
use super::owned_record::OwnedRecord;
use super::tail::Tail;
use crate::error::Result;

/// Follows a log as a stream: see [`Tail::into_stream`]. It ends where the tail ends, and behind the
/// first error.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct TailStream {
    tail: Option<Tail>,
}

impl TailStream {
    pub(super) fn new(tail: Tail) -> Self {
        Self { tail: Some(tail) }
    }
}

impl Stream for TailStream {
    type Item = Result<OwnedRecord>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(tail) = &mut self.tail else {
            return Poll::Ready(None);
        };
        let next = ready!(tail.poll_next(context));
        let item = next.map(|record| record.map(|record| OwnedRecord::from(&record)));
        let item = item.transpose();
        if !matches!(item, Some(Ok(_))) {
            self.tail = None;
        }
        Poll::Ready(item)
    }
}

impl Stream for FollowerStream {
    type Item = Result<OwnedRecord>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_record(context)
    }
}
