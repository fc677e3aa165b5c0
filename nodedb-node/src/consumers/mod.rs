//! Consumers of the log: named cursors that are kept in the log, each with a hold of its own.
//!
//! A consumer is delivered the records it wants in the order of the log, at least once each, and
//! says what it has processed. A cursor is an LSN: it stays right when old segments go, and nothing
//! behind it goes. [`Node`](crate::Node) adds, drops and opens consumers.

mod batch;
mod consumer;
mod filter;
mod group;
mod lag;
mod limit;
mod progress;
mod register;
mod service;
mod spec;

pub use batch::{Delivered, DeliveredRecord};
pub use consumer::{Consumer, Position};
pub use filter::ConsumerFilter;
pub use group::{partition_of, partitions_of_member};
pub use lag::{Lag, LagSource, lag_behind};
pub use limit::LagLimit;
pub use service::Consumers;
pub use spec::{ConsumerSpec, ConsumerStatus, StartAt};
