//! `ingest`: appends the content of files, one typed payload format per engine family.

mod appender;
mod command;
mod cores;
mod feed;
pub mod formats;
mod input;
#[cfg(test)]
mod tests;

pub(super) use command::{IngestArgs, run};
