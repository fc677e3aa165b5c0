//! What a log gives when it is opened, verified and read, as text: the content of `expected.txt`.

use std::fmt::Write as _;
use std::sync::Arc;

use nodedb_wal::storage::Storage;
use nodedb_wal::*;

use crate::error_text::{error_text, place};
use crate::scribe::{config, fnv};

/// Describes a log. `reading` is looked at first and not changed; `writing` is a log of the same
/// bytes, or the same log, and is opened for writing.
pub(crate) fn describe(reading: &Arc<dyn Storage>, writing: Arc<dyn Storage>) -> String {
    let reader = Reader::open_on(Arc::clone(reading));
    let by_reader = match &reader {
        Ok(reader) => recovery_text(reader.recovery()),
        Err(error) => format!("error {}", error_text(error)),
    };
    let damaged = Reader::open_damaged_on(Arc::clone(reading)).unwrap();
    let verified = verify_text(&damaged.verify(&mut |_, _| {}).unwrap());
    let read = reader.map(|reader| records_of(reader.read(ReadOptions::all()), false));
    let salvaged = records_of(damaged.read(ReadOptions::all().salvage()), true);

    let log = Log::open(config(writing));
    let by_log = match &log {
        Ok(log) => recovery_text(log.recovery()),
        Err(error) => format!("error {}", error_text(error)),
    };
    if let (Ok(log), Ok(read)) = (&log, &read) {
        let read_by_log = records_of(log.read(ReadOptions::all()), false);
        assert_eq!(
            read_by_log, *read,
            "the log and its reader give the same records"
        );
        assert_eq!(log.next_lsn(), log.recovery().last_lsn.next());
    }

    let reader_line = if by_reader == by_log {
        "as open"
    } else {
        &by_reader
    };
    let read = read.unwrap_or_else(|_| vec!["not opened".to_owned()]);
    let salvaged = if salvaged == read {
        vec!["as read".to_owned()]
    } else {
        salvaged
    };
    format!(
        "open: {by_log}\nreader: {reader_line}\nverify: {verified}\nread:\n{}salvage:\n{}",
        indented(&read),
        indented(&salvaged)
    )
}

/// Every record of the stream, a line each, and the error it ends with, if it does. A salvage goes on
/// behind damage.
pub(crate) fn records_of(records: Result<Records>, salvage: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut records = match records {
        Ok(records) => records,
        Err(error) => return vec![format!("error {}", error_text(&error))],
    };
    loop {
        match records.next() {
            Ok(Some(record)) => lines.push(record_text(&record)),
            Ok(None) => return lines,
            Err(error) => {
                let line = format!("error {}", error_text(&error));
                let is_repeated = lines.last() == Some(&line);
                if !is_repeated {
                    lines.push(line);
                }
                if is_repeated || !salvage {
                    return lines;
                }
            }
        }
    }
}

fn recovery_text(report: &RecoveryReport) -> String {
    let segments = report.segments;
    let mut text = if report.last_lsn < report.start_lsn {
        format!(
            "{}, no records from {} on",
            report.verdict, report.start_lsn
        )
    } else {
        let (start, last) = (report.start_lsn, report.last_lsn);
        format!("{}, records {start}..={last}", report.verdict)
    };
    write!(text, " in {segments} segments").unwrap();
    if let Some(dropped) = &report.dropped {
        write!(text, ", {}", dropped_text(dropped)).unwrap();
    }
    if !report.scars.is_empty() {
        write!(text, ", scars at {:?}", report.scars).unwrap();
    }
    text
}

fn dropped_text(dropped: &Dropped) -> String {
    let place = place(&dropped.path, dropped.offset);
    format!("{} records dropped from {place} on", dropped.records)
}

fn verify_text(report: &VerifyReport) -> String {
    let verdict = report.verdict.map(|verdict| verdict.to_string());
    let mut text = format!(
        "{}, {} records in {} segments",
        verdict.as_deref().unwrap_or("a damaged end"),
        report.records,
        report.segments
    );
    if let Some(dropped) = &report.dropped {
        write!(text, ", {}", dropped_text(dropped)).unwrap();
    }
    for finding in &report.findings {
        let place = place(&finding.path, finding.offset);
        write!(text, "\n  {place}: {}", error_text(&finding.error)).unwrap();
        if let Some(lsns) = finding.lsns {
            write!(text, " (takes {lsns})").unwrap();
        }
    }
    text
}

fn record_text(record: &RecordView<'_>) -> String {
    let header = &record.header;
    let scope = &header.scope;
    assert_eq!(header.payload_len as usize, record.payload.len());
    let kind = header.kind.bits();
    format!(
        "{} at {}: {}({kind:#06x}) flags={:#06x} scope={}/{}/{} tag={:08x} epoch={} time={} \
         payload={} digest={:016x}",
        header.lsn,
        place(record.segment, record.offset),
        header.kind,
        header.flags.bits(),
        scope.tenant,
        scope.database,
        scope.vshard,
        header.collection.value(),
        header.epoch,
        header.timestamp.as_nanos(),
        record.payload.len(),
        fnv(record.payload)
    )
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}
