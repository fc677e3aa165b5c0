//! Input files as a stream of payloads, whatever their format.

use nodedb_wal::payload::{AnyPayload, LogBatch};

use super::formats::{
    BlockRequest, CsvRows, EditingTrace, FormatError, LogLines, Operation, Sample, VectorRows,
};
use super::input::Input;
use clap::ValueEnum;

/// Rows that make one payload, where a payload takes many.
const SAMPLES_PER_BATCH: usize = 512;
const LINES_PER_BATCH: usize = 256;

/// What the input files hold, and which records they become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum InputKind {
    /// A block I/O trace, CSV `version,time,op,size,lbn`: each write (2a) becomes a Put; reads (28)
    /// are passed over.
    Put,
    /// A time series, CSV `timestamp,value`: every 512 rows become a `TimeseriesBatch`.
    Timeseries,
    /// Log lines: every 256 become a `LogBatch`.
    Log,
    /// Vectors, one a line, with or without a word in front: each becomes a `VectorPut`.
    Vector,
    /// An editing trace, JSON with `txns`: each becomes a `CrdtDelta`.
    Crdt,
}

/// One payload of the input.
pub(super) struct Item {
    /// What is to be appended; nothing for rows that are passed over.
    pub(super) payload: Option<AnyPayload>,
    /// Rows, lines, vectors or transactions in it.
    pub(super) rows: u64,
}

impl Item {
    fn new(payload: impl Into<AnyPayload>, rows: usize) -> Self {
        Self {
            payload: Some(payload.into()),
            rows: rows as u64,
        }
    }

    const PASSED_OVER: Self = Self {
        payload: None,
        rows: 1,
    };
}

/// Gives each item of `input` to `take`, in order.
pub(super) fn feed<E: From<FormatError>>(
    kind: InputKind,
    input: Input,
    collection: &str,
    take: &mut dyn FnMut(Item) -> Result<(), E>,
) -> Result<(), E> {
    let Input {
        name,
        stem,
        content,
    } = input;
    match kind {
        InputKind::Put => {
            for request in CsvRows::<_, BlockRequest>::new(content, &name)? {
                let request = request?;
                take(match request.operation {
                    Operation::Write => Item::new(request.to_put(collection), 1),
                    Operation::Read => Item::PASSED_OVER,
                })?;
            }
            Ok(())
        }
        InputKind::Timeseries => {
            let samples = CsvRows::<_, Sample>::new(content, &name)?;
            in_chunks(samples, SAMPLES_PER_BATCH, &mut |samples| {
                let batch = Sample::to_batch(&samples, collection, &stem);
                take(Item::new(batch, samples.len()))
            })
        }
        InputKind::Log => in_chunks(
            LogLines::new(content, &name),
            LINES_PER_BATCH,
            &mut |lines| {
                let rows = lines.len();
                let collection = collection.to_owned();
                take(Item::new(LogBatch { collection, lines }, rows))
            },
        ),
        InputKind::Vector => VectorRows::new(content, &name)
            .try_for_each(|row| take(Item::new(row?.into_put(collection), 1))),
        InputKind::Crdt => EditingTrace::read(content, &name)?
            .deltas(collection, &stem, &name)
            .try_for_each(|delta| take(Item::new(delta?, 1))),
    }
}

/// Gives `take` so many items at a time; the last time maybe fewer.
fn in_chunks<T, E: From<FormatError>>(
    mut items: impl Iterator<Item = Result<T, FormatError>>,
    len: usize,
    take: &mut dyn FnMut(Vec<T>) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        let chunk: Vec<T> = items.by_ref().take(len).collect::<Result<_, _>>()?;
        if chunk.is_empty() {
            return Ok(());
        }
        take(chunk)?;
    }
}
