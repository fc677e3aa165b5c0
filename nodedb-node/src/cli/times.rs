//! `lsn-at` and `time-of`: which record was written when, and when a record was written.

use clap::Args;
use nodedb_wal::types::{Lsn, Timestamp};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::place::{Look, Place};
use super::text;
use super::values::{lsn, time};
use crate::audit::{LsnAtTime, LsnPlace, TimeOfLsn, TimePlace, lsn_at_time, time_of_lsn};

#[derive(Debug, Args)]
pub(super) struct LsnAtArgs {
    #[command(flatten)]
    place: Place,
    /// The time, as `2026-11-21T12:00:00Z`; UTC unless it says otherwise.
    #[arg(value_name = "TIME", value_parser = time)]
    time: Timestamp,
}

#[derive(Debug, Args)]
pub(super) struct TimeOfArgs {
    #[command(flatten)]
    place: Place,
    /// The record.
    #[arg(value_name = "LSN", value_parser = lsn)]
    lsn: Lsn,
}

#[derive(Debug, Serialize)]
struct FoundLsn {
    time: String,
    /// The first record written then or later, when it is there.
    lsn: Option<u64>,
    /// When it is not there: a record written earlier, and, if any was, one written then or later.
    after: Option<u64>,
    by: Option<u64>,
    /// Whether the record is gone, or may be.
    gone: bool,
    /// The last time anchor behind it at which the clock showed an earlier time again.
    rewound: Option<u64>,
    catalog: &'static str,
    bytes_read: u64,
    log_bytes: u64,
}

#[derive(Debug, Serialize)]
struct FoundTime {
    lsn: u64,
    /// When it was written, when that is known exactly.
    time: Option<String>,
    /// Between which times, when not.
    from: Option<String>,
    to: Option<String>,
    gone: bool,
    /// What the clock said at the time anchor in front, when it had been set back.
    wall_clock: Option<String>,
    catalog: &'static str,
    bytes_read: u64,
    log_bytes: u64,
}

pub(super) fn lsn_at(args: &LsnAtArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let look = args.place.open()?;
    let looked = look.reader.lsn_at(args.time)?;
    let found = lsn_at_time(look.catalog.as_ref(), &look.reader, args.time, looked)?;
    output.answer(&FoundLsn::new(args.time, &look, &found))?;
    Ok(Outcome::Fine)
}

pub(super) fn time_of(args: &TimeOfArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let look = args.place.open()?;
    let (looked, start) = match look.reader.time_of(args.lsn) {
        Ok(looked) => (Some(looked), None),
        Err(nodedb_wal::Error::Truncated { start, .. }) => {
            let start = look.reader.time_of(start);
            (None, start.ok().map(|looked| looked.found))
        }
        Err(error) => return Err(error.into()),
    };
    let catalog = look.catalog.as_ref();
    let found = time_of_lsn(catalog, &look.reader, args.lsn, looked, start)?;
    output.answer(&FoundTime::new(args.lsn, &look, &found))?;
    Ok(Outcome::Fine)
}

impl FoundLsn {
    fn new(time: Timestamp, look: &Look, found: &LsnAtTime) -> Self {
        let (lsn, after, by, gone) = match found.place {
            LsnPlace::At(lsn) => (Some(lsn), None, None, false),
            LsnPlace::After(last) => (None, Some(last), None, false),
            LsnPlace::Gone { after, by } => (None, Some(after), Some(by), true),
        };
        Self {
            time: text::time(time),
            lsn: lsn.map(Lsn::value),
            after: after.map(Lsn::value),
            by: by.map(Lsn::value),
            gone,
            rewound: found.rewound.map(Lsn::value),
            catalog: look.catalog_is,
            bytes_read: look.bytes_read(found.bytes_read),
            log_bytes: look.reader.total_size_bytes(),
        }
    }
}

impl Answer for FoundLsn {
    fn text(&self) -> String {
        let place = match (self.lsn, self.after, self.by) {
            (Some(lsn), ..) => lsn.to_string(),
            (None, Some(after), Some(by)) => format!("gone; behind {after}, {by} at the latest"),
            (None, Some(after), None) => format!("none yet; the last record is {after}"),
            (None, None, _) => "none".to_owned(),
        };
        let rewound = self.rewound.map_or("no".to_owned(), |lsn| {
            format!("yes: the clock showed this time again after LSN {lsn}")
        });
        text::facts([
            ("time", self.time.clone()),
            ("first LSN then or later", place),
            ("clock set back later", rewound),
            ("catalog", self.catalog.to_owned()),
            ("read of the log", read(self.bytes_read, self.log_bytes)),
        ])
    }
}

impl FoundTime {
    fn new(lsn: Lsn, look: &Look, found: &TimeOfLsn) -> Self {
        let (time, from, to, gone) = match found.place {
            TimePlace::At(time) => (Some(time), None, None, false),
            TimePlace::Gone { from, to } => (None, from, to, true),
        };
        Self {
            lsn: lsn.value(),
            time: time.map(text::time),
            from: from.map(text::time),
            to: to.map(text::time),
            gone,
            wall_clock: found.wall_clock.map(|clock| text::time(clock.time)),
            catalog: look.catalog_is,
            bytes_read: look.bytes_read(found.bytes_read),
            log_bytes: look.reader.total_size_bytes(),
        }
    }
}

impl Answer for FoundTime {
    fn text(&self) -> String {
        let unknown = || "unknown".to_owned();
        let time = self.time.clone().unwrap_or_else(|| {
            let from = self.from.clone().unwrap_or_else(unknown);
            let to = self.to.clone().unwrap_or_else(unknown);
            format!("gone; {from} .. {to}")
        });
        let clock = self.wall_clock.clone();
        text::facts([
            ("LSN", self.lsn.to_string()),
            ("written", time),
            ("clock set back to", clock.unwrap_or("no".to_owned())),
            ("catalog", self.catalog.to_owned()),
            ("read of the log", read(self.bytes_read, self.log_bytes)),
        ])
    }
}

fn read(bytes: u64, of: u64) -> String {
    format!("{} of {}", text::size(bytes), text::size(of))
}
