//! Where the corpus comes from: the golden logs, the payloads in them, and examples of what people
//! give to the command line. `CORPUS_WRITE=1` adds what is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nodedb_tests::fuzz::pack;
use nodedb_tests::scan::{Part, Scan};
use nodedb_wal::RecordKind;
use nodedb_wal::format::layout::{BLOCK_BYTES, record, segment, trailer};

use crate::{corpus, sparse};

/// Seeds of a target, at most: the golden logs have much in common.
const SEEDS_MAX: usize = 48;

/// Inputs by target.
type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// The files of each golden log.
fn golden_logs() -> Vec<Vec<(String, Vec<u8>)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/golden/v1");
    sorted(&root)
        .iter()
        .filter(|path| path.is_dir())
        .map(|log| {
            let files = sorted(log).into_iter().filter_map(|path| {
                let name = path.file_name()?.to_str()?.strip_suffix(".hex")?.to_owned();
                let text = std::fs::read_to_string(path).unwrap();
                Some((name, sparse::parse(&text)))
            });
            files.collect()
        })
        .collect()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn seeds() -> Seeds {
    let mut seeds = Seeds::new();
    for log in golden_logs() {
        let mut directory = Vec::new();
        for (name, file) in &log {
            seeds
                .entry("file_name")
                .or_default()
                .push(name.clone().into_bytes());
            if name.ends_with(".seg") && !file.is_empty() {
                of_segment(file, &mut seeds);
                let choice = if name.starts_with("wal") { 0 } else { 6 << 5 };
                let blocks = u8::try_from(file.len() / BLOCK_BYTES).unwrap();
                directory.extend([choice, blocks]);
                directory.extend(pack(file));
            }
        }
        seeds.entry("directory").or_default().push(directory);
    }
    for inputs in seeds.values_mut() {
        thin_out(inputs);
    }
    seeds.extend(command_line());
    seeds
}

/// Leaves some of the inputs, from everywhere in the list.
fn thin_out(inputs: &mut Vec<Vec<u8>>) {
    let step = inputs.len().div_ceil(SEEDS_MAX).max(1);
    let mut at = 0;
    inputs.retain(|_| {
        at += 1;
        at % step == 0
    });
}

fn of_segment(file: &[u8], seeds: &mut Seeds) {
    let mut add = |target, input: Vec<u8>| {
        let inputs = seeds.entry(target).or_default();
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    };
    let packed = pack(file);
    add("segment", [&[0x1f], &packed[..]].concat());
    let Some(scan) = Scan::of(file) else { return };
    add("segment_header", file[..BLOCK_BYTES].to_vec());
    let last_block = &file[file.len() - BLOCK_BYTES..];
    if last_block.starts_with(b"NDBWALTR") {
        let of_header = &file[..segment::BYTES];
        add(
            "trailer",
            [of_header, &last_block[..trailer::BYTES]].concat(),
        );
        let at = |field: nodedb_wal::format::layout::Field| {
            let bytes = last_block[field.offset..].first_chunk().unwrap();
            usize::try_from(u64::from_le_bytes(*bytes)).unwrap()
        };
        let (start, len) = (at(trailer::footer_offset), at(trailer::footer_len));
        let footer = file.get(start..start + len).unwrap_or_default();
        add("footer", footer[record::BYTES.min(footer.len())..].to_vec());
    }
    let salt = scan.header.salt.to_le_bytes();
    for placed in &scan.parts {
        let bytes = &file[placed.bytes.clone()];
        let head = [&salt, &bytes[..record::BYTES]].concat();
        match &placed.part {
            Part::Frontier(_) => add("frontier", head),
            Part::Record(header) => {
                add("record_header", head);
                of_payload(header, &bytes[record::BYTES..], &mut add);
            }
        }
    }
}

fn of_payload(
    header: &nodedb_wal::format::RecordHeader,
    payload: &[u8],
    add: &mut impl FnMut(&'static str, Vec<u8>),
) {
    let Some(kind) = header.kind.known().filter(|_| !header.is_opaque()) else {
        return;
    };
    let Some(choice) = RecordKind::ALL.iter().position(|known| *known == kind) else {
        return;
    };
    let choice = u8::try_from(choice).unwrap();
    add("payload", [&[choice], payload].concat());
    let view = match kind {
        RecordKind::VectorPut => 0,
        RecordKind::TimeseriesBatch => 1,
        RecordKind::LogBatch => 2,
        RecordKind::Put => 3,
        RecordKind::Delete => 4,
        RecordKind::Checkpoint => 5,
        RecordKind::CommitOffsets => 6,
        RecordKind::EpochBarrier => 7,
        _ => return,
    };
    add("payload_view", [&[view], payload].concat());
    add("payload_view", [&[48 + view], payload].concat());
}

fn command_line() -> [(&'static str, Vec<Vec<u8>>); 2] {
    let files: [&[u8]; 9] = [
        b"\x00version,time,op,size,lbn\n1,5633898,2a,512,42932745\n1,5,28,4096,7\n1,1,2a,3,1\n",
        b"\x01timestamp,value\n2014-05-14 01:14:00,36.8\n2014-05-14T01:14:00Z,-0\n\"2014-05-14\",1e-320\n",
        b"\x022017-05-16 00:00:01 a  b\r\n\tmore\n\n[2017-05-16T00:00:00.008Z] last",
        b"\x03the -0.038194 1e-3\n, 0.5 2\n",
        b"\x03   1.1690197e-03   -2\n\n 3 4 \n",
        b"\x04{\"startContent\":\"ab\",\"endContent\":\"a\",\"txns\":[{\"time\":\"t\", \"patches\":[[1,1,\"\"]]}]}",
        b"\x04{\"txns\":[{\"agent\":7,\"patches\":[[0,0,\"\\u00e9\"],[3,1,\"x\"]]}]}",
        b"\x01timestamp,value\nnoon,2\n2014-05-14 01:14:00,nan\n",
        b"\x00version,time,op,size,lbn\n1,2,35,512,3\n",
    ];
    let lines: [&[u8]; 9] = [
        b"demo --threads 2 --rounds 3 --json",
        b"ingest --wal d --kind put --tenant 1 --database 1 --vshard 1 --collection c f g",
        b"inspect --wal d",
        b"dump --wal d --from 3 --kind Put --tenant 7",
        b"verify --wal d --json",
        b"replay --wal d --tenant 4 --vshard 9",
        b"truncate --wal d --before 9",
        b"bench --dir d --only nonsense",
        b"--help",
    ];
    let zeroed = |line: &&[u8]| -> Vec<u8> {
        let zero = |&byte: &u8| if byte == b' ' { 0 } else { byte };
        line.iter().map(zero).collect()
    };
    [
        (
            "input_file",
            files.iter().map(|file| file.to_vec()).collect(),
        ),
        ("arguments", lines.iter().map(zeroed).collect()),
    ]
}

#[test]
fn the_corpus_holds_what_it_was_seeded_with() {
    let adds = std::env::var("CORPUS_WRITE").is_ok_and(|value| value == "1");
    for (target, inputs) in seeds() {
        if adds {
            inputs.iter().for_each(|input| corpus::keep(target, input));
        }
        let kept = corpus::inputs(target);
        for input in inputs {
            assert!(
                kept.iter().any(|(_, bytes)| *bytes == input),
                "{target}: a seed is missing: run with CORPUS_WRITE=1"
            );
        }
    }
}
