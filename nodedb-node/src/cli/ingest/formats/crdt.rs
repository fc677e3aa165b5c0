//! Editing traces as JSON: an object with `txns`, each of which becomes a [`CrdtDelta`] that holds
//! the transaction's own text, byte by byte. Its `agent`, 0 when it names none, is the peer.
//!
//! A start text that is not empty comes first, as a delta `{"startContent": ..}`. What else the
//! trace says (its end text, say) follows from these and is not kept.

use std::io::{BufReader, Read};

use nodedb_wal::payload::CrdtDelta;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::FormatError;

/// A trace: the text it starts from, and what was done to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EditingTrace {
    #[serde(default)]
    start_content: String,
    /// The text all transactions lead to.
    #[serde(default)]
    end_content: Option<String>,
    txns: Vec<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Start {
    start_content: String,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(default)]
    agent: u64,
    #[serde(rename = "patches")]
    _patches: Vec<(u64, u64, String)>,
}

impl EditingTrace {
    /// The trace in `input`, which errors call `file`. It is held in memory as a whole.
    ///
    /// # Errors
    ///
    /// It is not the JSON of such a trace.
    pub fn read(input: impl Read, file: &str) -> Result<Self, FormatError> {
        serde_json::from_reader(BufReader::new(input)).map_err(|error| problem(file, error))
    }

    /// The text the trace starts from.
    #[must_use]
    pub fn start_content(&self) -> &str {
        &self.start_content
    }

    /// The text the trace ends with, if it says so.
    #[must_use]
    pub fn end_content(&self) -> Option<&str> {
        self.end_content.as_deref()
    }

    /// The JSON text of each transaction, as it stands in the file.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.txns.iter().map(|txn| txn.get())
    }

    /// The trace as deltas of `document` in `collection`.
    ///
    /// # Errors
    ///
    /// The first transaction that is none, by its number; `file` is what errors call the trace.
    pub fn deltas<'a>(
        &'a self,
        collection: &'a str,
        document: &'a str,
        file: &'a str,
    ) -> impl Iterator<Item = Result<CrdtDelta, FormatError>> + 'a {
        let delta = move |peer, delta: &str| CrdtDelta {
            collection: collection.to_owned(),
            document: document.to_owned(),
            peer,
            delta: delta.as_bytes().to_vec(),
        };
        let start = (!self.start_content.is_empty()).then(|| {
            let start = Start {
                start_content: self.start_content.clone(),
            };
            let text = serde_json::to_string(&start).map_err(|error| problem(file, error))?;
            Ok(delta(0, &text))
        });
        let txns = self.transactions().enumerate().map(move |(number, text)| {
            let txn: Transaction = serde_json::from_str(text).map_err(|error| {
                FormatError::new(file, 1, format!("`txns` {number} is no transaction"))
                    .because(error)
            })?;
            Ok(delta(txn.agent, text))
        });
        start.into_iter().chain(txns)
    }

    /// The trace that [`Self::deltas`] made these from, without its end text; nothing when it did
    /// not.
    #[must_use]
    pub fn of_deltas<'a>(deltas: impl IntoIterator<Item = &'a CrdtDelta>) -> Option<Self> {
        let mut trace = Self {
            start_content: String::new(),
            end_content: None,
            txns: Vec::new(),
        };
        for (number, delta) in deltas.into_iter().enumerate() {
            let text = std::str::from_utf8(&delta.delta).ok()?;
            match serde_json::from_str::<Start>(text) {
                Ok(start) if number == 0 => trace.start_content = start.start_content,
                _ => trace
                    .txns
                    .push(RawValue::from_string(text.to_owned()).ok()?),
            }
        }
        Some(trace)
    }
}

fn problem(file: &str, error: serde_json::Error) -> FormatError {
    let line = u64::try_from(error.line()).unwrap_or(u64::MAX);
    FormatError::new(file, line, "is no editing trace").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"{"startContent":"ab","endContent":"a","txns":[
        {"time":"t", "patches":[[1,1,""]]}, {"agent":7,"patches":[[0,0,"\u00e9"]]}]}"#;

    fn deltas(text: &str) -> Result<Vec<CrdtDelta>, FormatError> {
        EditingTrace::read(text.as_bytes(), "f")?
            .deltas("docs", "d", "f")
            .collect()
    }

    #[test]
    fn transactions_come_back_byte_by_byte() {
        let trace = EditingTrace::read(TRACE.as_bytes(), "f").unwrap();
        let deltas = deltas(TRACE).unwrap();
        assert_eq!(deltas.len(), 3);
        let peers: Vec<u64> = deltas.iter().map(|delta| delta.peer).collect();
        assert_eq!(peers, [0, 0, 7]);
        assert_eq!(deltas[1].delta, br#"{"time":"t", "patches":[[1,1,""]]}"#);
        let again = EditingTrace::of_deltas(&deltas).unwrap();
        assert_eq!(again.start_content(), "ab");
        assert!(again.transactions().eq(trace.transactions()));
        assert_eq!(trace.end_content(), Some("a"));
    }

    #[test]
    fn errors_name_file_and_line() {
        let cases = [
            ("{\n\"txns\": [\n{]}", "f, line 3: is no editing trace"),
            ("{}", "f, line 1: is no editing trace"),
            (
                r#"{"txns":[{"patches":[]},{"agent":1}]}"#,
                "f, line 1: `txns` 1 is no",
            ),
        ];
        for (text, start) in cases {
            let error = deltas(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
