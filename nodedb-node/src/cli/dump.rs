//! `dump`: the records of a log, one a line.

use std::path::PathBuf;

use clap::Args;
use nodedb_wal::format::annotate_record;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{CollectionTag, Lsn, RecordKind, TenantId};
use nodedb_wal::{Error, ReadOptions, Reader, RecordView, Records};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::text;
use super::values::{kind, lsn, tenant};

#[derive(Debug, Args)]
pub(super) struct DumpArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// Start here; without it, at the oldest record there is.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    from: Option<Lsn>,
    /// Stop after this many records.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only records of this kind; may be given several times.
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<RecordKind>,
    /// Only records of this tenant.
    #[arg(long, value_parser = tenant)]
    tenant: Option<TenantId>,
    /// Also print each record's bytes, field by field.
    #[arg(long)]
    hex: bool,
    /// Go on behind damage, and print what is left of a log that would not open.
    #[arg(long)]
    salvage: bool,
}

/// One record, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    lsn: u64,
    timestamp: String,
    kind: String,
    tenant: u64,
    database: u64,
    vshard: u32,
    collection_tag: u32,
    epoch: u64,
    batch_continues: bool,
    opaque: bool,
    payload_bytes: u32,
    /// The payload in words; what is wrong with it when it cannot be decoded.
    payload: String,
    segment: PathBuf,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotated: Option<String>,
}

/// A place where records cannot be read.
#[derive(Debug, Serialize)]
struct Gap {
    damage: String,
}

pub(super) fn run(args: &DumpArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let reader = if args.salvage {
        Reader::open_damaged(&args.wal)?
    } else {
        Reader::open(&args.wal)?
    };
    let mut records = reader.read(args.options())?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut outcome = Outcome::Fine;
    while left > 0 {
        match print_next(&mut records, args, output)? {
            Step::Record => left -= 1,
            Step::Damage => outcome = Outcome::Damaged,
            Step::End => break,
        }
    }
    Ok(outcome)
}

enum Step {
    Record,
    Damage,
    End,
}

fn print_next(
    records: &mut Records,
    args: &DumpArgs,
    output: &mut Output<'_>,
) -> Result<Step, CliError> {
    match records.next() {
        Ok(Some(view)) => {
            output.line(&Line::new(&view, args.hex))?;
            Ok(Step::Record)
        }
        Ok(None) => Ok(Step::End),
        Err(error @ Error::Damaged { .. }) if args.salvage => {
            let damage = text::chain(&error);
            output.line(&Gap { damage })?;
            Ok(Step::Damage)
        }
        Err(error) => Err(error.into()),
    }
}

impl DumpArgs {
    fn options(&self) -> ReadOptions {
        let mut options = self.from.map_or_else(ReadOptions::all, ReadOptions::from);
        if !self.kinds.is_empty() {
            options = options.kinds(&self.kinds);
        }
        if let Some(tenant) = self.tenant {
            options = options.tenant(tenant);
        }
        if self.salvage {
            options = options.salvage();
        }
        options
    }
}

impl Line {
    pub(super) fn new(view: &RecordView<'_>, hex: bool) -> Self {
        let header = &view.header;
        Self {
            lsn: header.lsn.value(),
            timestamp: text::time(header.timestamp),
            kind: header.kind.to_string(),
            tenant: header.scope.tenant.value(),
            database: header.scope.database.value(),
            vshard: header.scope.vshard.value(),
            collection_tag: header.collection.value(),
            epoch: header.epoch.value(),
            batch_continues: header.batch_continues(),
            opaque: header.is_opaque(),
            payload_bytes: header.payload_len,
            payload: payload_text(view),
            segment: view.segment.to_owned(),
            offset: view.offset,
            annotated: hex.then(|| annotate_record(view.stored_bytes(), view.offset)),
        }
    }
}

/// The payload in words.
fn payload_text(view: &RecordView<'_>) -> String {
    if view.header.is_opaque() {
        return "raw".to_owned();
    }
    match view.header.kind.known() {
        None => "of an unknown kind".to_owned(),
        Some(kind) => match AnyPayload::decode(kind, view.payload) {
            Ok(payload) => payload.to_string(),
            Err(error) => format!("cannot be decoded: {}", text::chain(&error)),
        },
    }
}

impl Answer for Line {
    fn text(&self) -> String {
        let (tenant, database, vshard) = (self.tenant, self.database, self.vshard);
        let mut line = format!(
            "{:>10}  {:<30}  {:<20} {:<10} ",
            self.lsn,
            self.timestamp,
            self.kind,
            format!("{tenant}/{database}/{vshard}"),
        );
        if self.collection_tag != CollectionTag::NONE.value() {
            line += &format!("tag={:08x} ", self.collection_tag);
        }
        if self.epoch != 0 {
            line += &format!("epoch={} ", self.epoch);
        }
        if self.batch_continues {
            line += "batch ";
        }
        line += &format!("{} B  {}", self.payload_bytes, self.payload);
        if let Some(annotated) = &self.annotated {
            line += "\n";
            line += annotated;
        }
        line
    }
}

impl Answer for Gap {
    fn text(&self) -> String {
        format!("{:>10}  {}", "DAMAGE", self.damage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_taken_by_name_in_any_case() {
        assert_eq!(kind("crdtdelta"), Ok(RecordKind::CrdtDelta));
        let error = kind("nonsense").unwrap_err();
        assert!(error.contains("TimeseriesBatch"), "{error}");
    }
}
