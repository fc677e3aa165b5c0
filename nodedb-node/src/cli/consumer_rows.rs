//! What `consumers` prints.

use std::path::{Path, PathBuf};

use nodedb_wal::Reader;
use nodedb_wal::payload::{ConsumerAdded, WhenOver};
use nodedb_wal::types::{Lsn, Timestamp};
use serde::Serialize;

use super::answer::Answer;
use super::error::CliError;
use super::text::{self, Column};
use crate::consumers::{Lag, LagLimit, lag_behind};
use crate::control::{ConsumerState, ControlState};

#[derive(Debug, Serialize)]
pub(super) struct Listing {
    wal: PathBuf,
    start_lsn: u64,
    durable_lsn: u64,
    consumers: Vec<Row>,
    #[serde(skip)]
    with_lag: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    consumer: String,
    /// Everything up to here was acknowledged, in every partition.
    acknowledged_lsn: u64,
    /// For each partition.
    acknowledged_lsns: Vec<u64>,
    added: String,
    /// What it wants, in words.
    wants: String,
    limit: Limit,
    lag: Option<Behind>,
    /// Which limit it is over, or was dropped for.
    over: Option<String>,
    is_dropped: bool,
}

#[derive(Debug, Serialize)]
struct Limit {
    records: Option<u64>,
    bytes: Option<u64>,
    seconds: Option<u64>,
    drops_when_over: bool,
}

#[derive(Debug, Serialize)]
struct Behind {
    records: u64,
    bytes: u64,
    seconds: u64,
}

impl Listing {
    pub(super) fn of(
        directory: &Path,
        reader: &Reader,
        state: &ControlState,
        with_lag: bool,
    ) -> Result<Self, CliError> {
        let now = jiff::Timestamp::now().as_nanosecond();
        let now = Timestamp::from_nanos(i64::try_from(now).unwrap_or(i64::MAX));
        let rows = state.consumers.iter().map(|(_, state)| {
            let is_asked = with_lag && state.dropped.is_none();
            let behind = || lag_behind(reader, state.acknowledged_by_all(), now);
            let lag = is_asked.then(behind).transpose()?;
            Ok::<_, CliError>(Row::new(state, lag))
        });
        Ok(Self {
            wal: directory.to_owned(),
            start_lsn: reader.start_lsn().value(),
            durable_lsn: reader.next_lsn().previous().value(),
            consumers: rows.collect::<Result<_, CliError>>()?,
            with_lag,
        })
    }
}

impl Row {
    fn new(state: &ConsumerState, lag: Option<Lag>) -> Self {
        let limit = LagLimit::of(&state.added);
        let partitions = 0..state.added.partitions;
        let dropped = state.dropped.as_ref();
        let over = lag.and_then(|lag| limit.over(&lag));
        Self {
            consumer: state.added.name.clone(),
            acknowledged_lsn: state.acknowledged_by_all().value(),
            acknowledged_lsns: partitions
                .map(|partition| state.acknowledged(partition).value())
                .collect(),
            added: text::time(state.since),
            wants: wants(&state.added),
            limit: Limit {
                records: limit.records,
                bytes: limit.bytes,
                seconds: limit.seconds,
                drops_when_over: limit.when_over == WhenOver::Drop,
            },
            lag: lag.map(|lag| Behind {
                records: lag.records,
                bytes: lag.bytes,
                seconds: lag.waited.as_secs(),
            }),
            over: dropped.map_or(over, |dropped| dropped.over.clone()),
            is_dropped: dropped.is_some(),
        }
    }

    fn partitions(&self) -> String {
        self.acknowledged_lsns.len().to_string()
    }

    /// What has to be said of it beside the numbers.
    fn remark(&self) -> String {
        match (&self.over, self.is_dropped) {
            (Some(over), true) => {
                let restart = Lsn::new(self.acknowledged_lsn).next();
                format!("dropped in front of LSN {restart}: {over}")
            }
            (Some(over), false) => format!("over: {over}"),
            (None, _) => String::new(),
        }
    }
}

fn wants(added: &ConsumerAdded) -> String {
    let kinds: Vec<String> = added.kinds.iter().map(ToString::to_string).collect();
    let mut words: Vec<String> = Vec::new();
    words.extend((!kinds.is_empty()).then(|| kinds.join("|")));
    words.extend(added.tenant.map(|id| format!("tenant {id}")));
    words.extend(added.database.map(|id| format!("database {id}")));
    words.extend(added.vshard.map(|id| format!("vshard {id}")));
    words.extend(
        added
            .collection
            .as_ref()
            .map(|name| format!("collection {name}")),
    );
    match words.is_empty() {
        true => "everything".to_owned(),
        false => words.join(", "),
    }
}

impl Limit {
    fn text(&self) -> String {
        let limits = [
            self.records
                .map(|max| format!("{} records", text::count(max))),
            self.bytes.map(text::size),
            self.seconds.map(|max| format!("{max} s")),
        ];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        match (limits.is_empty(), self.drops_when_over) {
            (true, _) => "none".to_owned(),
            (false, true) => format!("{}, else dropped", limits.join(", ")),
            (false, false) => limits.join(", "),
        }
    }
}

impl Answer for Listing {
    fn text(&self) -> String {
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("LSNs", format!("{}..={}", self.start_lsn, self.durable_lsn)),
        ]);
        if self.consumers.is_empty() {
            return format!("{facts}\n\n There is no consumer.");
        }
        let table = match self.with_lag {
            true => self.lags(),
            false => self.list(),
        };
        format!("{facts}\n\n{table}")
    }
}

impl Listing {
    fn list(&self) -> String {
        let columns = [
            Column::Left("consumer"),
            Column::Right("acknowledged"),
            Column::Right("partitions"),
            Column::Left("wants"),
            Column::Left("limit"),
            Column::Left(""),
        ];
        let rows = self.consumers.iter().map(|row| {
            [
                row.consumer.clone(),
                row.acknowledged_lsn.to_string(),
                row.partitions(),
                row.wants.clone(),
                row.limit.text(),
                row.remark(),
            ]
        });
        text::table(&columns, rows)
    }

    fn lags(&self) -> String {
        let columns = [
            Column::Left("consumer"),
            Column::Right("records"),
            Column::Right("bytes"),
            Column::Right("seconds"),
            Column::Left("limit"),
            Column::Left(""),
        ];
        let rows = self.consumers.iter().map(|row| {
            let number = |of: fn(&Behind) -> u64| {
                let number = row.lag.as_ref().map(of);
                number.map_or_else(|| "-".to_owned(), text::count)
            };
            [
                row.consumer.clone(),
                number(|lag| lag.records),
                number(|lag| lag.bytes),
                number(|lag| lag.seconds),
                row.limit.text(),
                row.remark(),
            ]
        });
        text::table(&columns, rows)
    }
}
