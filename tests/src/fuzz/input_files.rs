//! Targets for what people give to the command line: input files of each format, and arguments. What
//! was read and made into payloads is the same when it is read back from them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use nodedb_node::cli::ingest::formats::{
    BlockRequest, CsvRows, EditingTrace, LogLines, Operation, Sample, VectorRow, VectorRows,
};
use nodedb_wal::payload::{LogBatch, Payload};

/// A byte that chooses the format, then the file.
pub(super) fn input_file(bytes: &[u8]) {
    let Some((&choice, file)) = bytes.split_first() else {
        return;
    };
    match choice % 5 {
        0 => requests(file),
        1 => samples(file),
        2 => lines(file),
        3 => vectors(file),
        _ => trace(file),
    }
}

fn requests(file: &[u8]) {
    let Ok(rows) = CsvRows::<_, BlockRequest>::new(file, "f") else {
        return;
    };
    for row in rows.map_while(Result::ok) {
        if row.operation == Operation::Write {
            let put = row.to_put("c");
            check(&put);
            let is_long = put.value.contains(&b'\n');
            assert_eq!(BlockRequest::of_put(&put), is_long.then_some(row));
        }
    }
}

fn samples(file: &[u8]) {
    let Ok(rows) = CsvRows::<_, Sample>::new(file, "f") else {
        return;
    };
    let samples: Vec<Sample> = rows.map_while(Result::ok).collect();
    let batch = Sample::to_batch(&samples, "c", "s");
    check(&batch);
    let bits = |samples: &[Sample]| -> Vec<_> {
        let bits = |sample: &Sample| (sample.timestamp, sample.value.to_bits());
        samples.iter().map(bits).collect()
    };
    assert_eq!(bits(&Sample::of_batch(&batch)), bits(&samples));
}

fn lines(file: &[u8]) {
    let lines: Vec<_> = LogLines::new(file, "f").map_while(Result::ok).collect();
    let text: usize = lines.iter().map(|line| line.text.len() + 1).sum();
    assert!(text <= file.len() + 1);
    check(&LogBatch {
        collection: "c".to_owned(),
        lines,
    });
}

fn vectors(file: &[u8]) {
    for row in VectorRows::new(file, "f").map_while(Result::ok) {
        let bits =
            |row: &VectorRow| -> Vec<u32> { row.vector.iter().map(|n| n.to_bits()).collect() };
        let put = row.clone().into_put("c");
        check(&put);
        let again = VectorRow::of_put(put);
        assert_eq!((bits(&again), &again.id), (bits(&row), &row.id));
    }
}

fn trace(file: &[u8]) {
    let Ok(trace) = EditingTrace::read(file, "f") else {
        return;
    };
    let deltas: Result<Vec<_>, _> = trace.deltas("c", "d", "f").collect();
    let Ok(deltas) = deltas else {
        return;
    };
    deltas.iter().for_each(check);
    match EditingTrace::of_deltas(&deltas) {
        Some(again) => {
            assert_eq!(again.start_content(), trace.start_content());
            assert!(again.transactions().eq(trace.transactions()));
        }
        None => panic!("deltas of a trace are not read back"),
    }
}

/// What an input becomes is what its record says: the payload is encoded and decoded.
fn check<P: Payload>(payload: &P) {
    let mut bytes = Vec::new();
    if let Err(error) = payload.encode(&mut bytes) {
        panic!("an input became a payload that is not encoded: {error}");
    }
    if let Err(error) = P::decode(&bytes) {
        panic!("an input became a payload that is not decoded: {error}");
    }
}

/// Arguments, with a zero between two.
pub(super) fn arguments(bytes: &[u8]) {
    let program = std::iter::once(OsString::from("nodedb-node"));
    let given = bytes.split(|&byte| byte == 0);
    let arguments: Vec<OsString> = program
        .chain(given.map(|argument| OsString::from_vec(argument.to_vec())))
        .collect();
    let _is_taken = nodedb_node::cli::takes(&arguments);
}
