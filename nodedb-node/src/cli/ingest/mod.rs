//! `ingest`: appends the content of files, one typed payload format per engine family.

mod command;
mod feed;
pub mod formats;
mod input;

pub(super) use command::{IngestArgs, run};
