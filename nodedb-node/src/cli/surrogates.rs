//! `surrogates`: how many each collection has, and which row each stands for.

use std::path::PathBuf;

use clap::Args;
use nodedb_wal::types::{DatabaseId, TenantId};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::look::look;
use super::text::{self, Column};
use super::values::{database, tenant};
use crate::catalog::BoundRow;

#[derive(Debug, Args)]
pub(super) struct SurrogatesArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// The catalog; without it, `catalog.redb` in the log's directory.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Only this tenant's.
    #[arg(long, value_parser = tenant)]
    tenant: Option<TenantId>,
    /// Only those of databases with this number.
    #[arg(long, value_parser = database)]
    database: Option<DatabaseId>,
    /// Only those of collections of this name.
    #[arg(long)]
    collection: Option<String>,
    /// List the first so many rows too, in order of their keys.
    #[arg(long, value_name = "N", default_value_t = 0)]
    rows: usize,
}

#[derive(Debug, Serialize)]
struct Surrogates {
    wal: PathBuf,
    applied_lsn: u64,
    databases: Vec<Database>,
    collections: Vec<Collection>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Database {
    tenant: u64,
    database: u64,
    /// The highest one that was handed out or set aside.
    high_watermark: u32,
}

#[derive(Debug, Serialize)]
struct Collection {
    tenant: u64,
    database: u64,
    collection: String,
    surrogates: u64,
    lowest: u32,
    highest: u32,
}

#[derive(Debug, Serialize)]
struct Row {
    tenant: u64,
    database: u64,
    collection: String,
    /// As text where it is some, else in hexadecimal digits.
    primary_key: String,
    surrogate: u32,
}

pub(super) fn run(args: &SurrogatesArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let (_, catalog) = look(&args.wal, args.catalog.as_ref())?;
    let mut found = Surrogates {
        wal: args.wal.clone(),
        applied_lsn: catalog.applied().value(),
        databases: Vec::new(),
        collections: Vec::new(),
        rows: Vec::new(),
    };
    for (tenant, database, high_watermark) in catalog.surrogate_high_watermarks()? {
        if args.wants(tenant, database) {
            found.databases.push(Database {
                tenant: tenant.value(),
                database: database.value(),
                high_watermark,
            });
        }
    }
    catalog.visit_surrogates(&mut |row| {
        let is_named = |name: &String| name == row.collection;
        if args.wants(row.tenant, row.database) && args.collection.as_ref().is_none_or(is_named) {
            found.add(&row, args.rows);
        }
    })?;
    output.answer(&found)?;
    Ok(Outcome::Fine)
}

impl SurrogatesArgs {
    fn wants(&self, tenant: TenantId, database: DatabaseId) -> bool {
        self.tenant.is_none_or(|wanted| wanted == tenant)
            && self.database.is_none_or(|wanted| wanted == database)
    }
}

impl Surrogates {
    /// Rows come in order of their collections.
    fn add(&mut self, row: &BoundRow<'_>, rows_max: usize) {
        let (tenant, database) = (row.tenant.value(), row.database.value());
        let is_of_last = |last: &&mut Collection| {
            (last.tenant, last.database, last.collection.as_str())
                == (tenant, database, row.collection)
        };
        match self.collections.last_mut().filter(is_of_last) {
            Some(collection) => {
                collection.surrogates += 1;
                collection.lowest = collection.lowest.min(row.surrogate);
                collection.highest = collection.highest.max(row.surrogate);
            }
            None => self.collections.push(Collection {
                tenant,
                database,
                collection: row.collection.to_owned(),
                surrogates: 1,
                lowest: row.surrogate,
                highest: row.surrogate,
            }),
        }
        if self.rows.len() < rows_max {
            self.rows.push(Row {
                tenant,
                database,
                collection: row.collection.to_owned(),
                primary_key: key_text(row.primary_key),
                surrogate: row.surrogate,
            });
        }
    }
}

fn key_text(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

impl Answer for Surrogates {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let place = [Right("tenant"), Right("database")];
        let databases = text::table(
            &[place[0], place[1], Right("high-watermark")],
            self.databases.iter().map(|row| {
                let numbers = [row.tenant, row.database, row.high_watermark.into()];
                numbers.map(|number| number.to_string())
            }),
        );
        let columns = [Left("collection"), Right("surrogates"), Right("lowest")];
        let collections = text::table(
            &[&place[..], &columns, &[Right("highest")]].concat(),
            self.collections.iter().map(|row| {
                [
                    row.tenant.to_string(),
                    row.database.to_string(),
                    row.collection.clone(),
                    text::count(row.surrogates),
                    row.lowest.to_string(),
                    row.highest.to_string(),
                ]
            }),
        );
        let columns = [Left("collection"), Left("primary key"), Right("surrogate")];
        let rows = text::table(
            &[&place[..], &columns].concat(),
            self.rows.iter().map(|row| {
                [
                    row.tenant.to_string(),
                    row.database.to_string(),
                    row.collection.clone(),
                    row.primary_key.clone(),
                    row.surrogate.to_string(),
                ]
            }),
        );
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("up to LSN", self.applied_lsn.to_string()),
        ]);
        let rows = (!self.rows.is_empty()).then_some(rows);
        let parts = [Some(facts), Some(databases), Some(collections), rows];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_text_where_they_are_some() {
        let cases: [(&[u8], &str); 4] = [
            (b"order-1", "order-1"),
            (b"", ""),
            (&[0, 255], "00ff"),
            (b"a\n", "610a"),
        ];
        for (key, expected) in cases {
            assert_eq!(key_text(key), expected);
        }
    }
}
