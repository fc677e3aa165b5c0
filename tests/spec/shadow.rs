//! The model in step with a log: what is seen of the log is taken for the model's own steps, and is
//! refused where the model has no such step.

use std::collections::BTreeMap;

use nodedb_tests::scan::{Part, Scan};
use nodedb_tests::watched::Seen;
use nodedb_wal::format::{RecordHeader, SegmentHeader};

use crate::actions::{
    acknowledge, append, complete, cut, power_off, remove, rotate, seal, truncate, vouch,
};
use crate::recovery::recover;
use crate::state::{Bounds, Bug, Lsn, Piece, State};

/// No bound, as far as numbers go.
const BOUNDS: Bounds = Bounds {
    records: u8::MAX,
    crashes: u8::MAX,
    segments: usize::MAX,
    hold: u8::MAX,
};

/// The kind of a footer.
const FOOTER_KIND: u16 = 0x80ff;

/// What the log answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// So many records were appended, all or none.
    Appended(u8),
    /// Everything up to here is durable.
    Durable(Lsn),
    Nothing,
}

/// A segment as its file was written.
struct File {
    header: SegmentHeader,
    image: Vec<u8>,
    /// Where what was taken in ends.
    end: usize,
}

/// What is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    Nothing,
    Write,
}

/// The model beside a log.
pub(crate) struct Shadow {
    bug: Bug,
    state: State,
    files: BTreeMap<usize, File>,
    under_way: UnderWay,
    /// The header of a segment that is being started.
    starting: Option<SegmentHeader>,
    /// What the disk may hold, while nobody has the log open; empty before the first opening.
    left: Vec<State>,
}

fn small(lsn: nodedb_wal::Lsn) -> Lsn {
    Lsn::try_from(lsn.value()).unwrap()
}

impl Shadow {
    pub(crate) fn new(bug: Bug) -> Self {
        Self {
            bug,
            state: State::new(),
            files: BTreeMap::new(),
            under_way: UnderWay::Nothing,
            starting: None,
            left: Vec::new(),
        }
    }

    /// Takes in what a log that is open did to its files.
    pub(crate) fn take_in(&mut self, seen: Vec<Seen>) -> Result<(), String> {
        for seen in seen {
            match seen {
                Seen::Began {
                    file,
                    offset,
                    bytes,
                } => self.began(file, offset, &bytes)?,
                Seen::Durable if self.under_way == UnderWay::Write => {
                    self.go(complete(&self.state), "a write arrives")?;
                    self.under_way = UnderWay::Nothing;
                }
                Seen::Gone { name } => self.gone(&name)?,
                Seen::NamesDurable => self.started()?,
                Seen::Durable | Seen::Renamed { .. } => {}
            }
        }
        Ok(())
    }

    /// Takes in what a call gave back.
    pub(crate) fn answered(&mut self, answer: Answer) -> Result<(), String> {
        match answer {
            Answer::Appended(records) => self.go(
                append(&self.state, records, &BOUNDS),
                "records are appended",
            ),
            Answer::Durable(last) if last != self.state.durable => Err(format!(
                "{last} is acknowledged, and durable is {}",
                self.state.durable
            )),
            Answer::Durable(_) => {
                let told = acknowledge(&self.state, self.bug);
                self.state = told.unwrap_or_else(|| self.state.clone());
                Ok(())
            }
            Answer::Nothing => Ok(()),
        }
    }

    /// Nobody has the log open any more. Of a write on its way, the records behind the first piece that
    /// was lost count for nothing: it is as if all of them had been.
    pub(crate) fn ended(&mut self) {
        if !self.left.is_empty() {
            // It was not opened since.
            return;
        }
        let mut left = vec![self.state.clone()];
        if self.state.in_flight.is_some() {
            let active = self.state.segments.last().unwrap();
            let cuts = active.whole..active.pieces.len();
            for from in cuts {
                let mut state = self.state.clone();
                let lost = &mut state.active().pieces[from..];
                lost.fill(Piece::Lost);
                left.push(state.clone());
                // But the frontier, which is heard behind what is lost too.
                let end = state.active().pieces.len() - 1;
                state.active().pieces[end] = active.pieces[end];
                left.push(state);
            }
        }
        if self.starting.take().is_some() {
            let started = left.iter().filter_map(|s| rotate(s, &BOUNDS, self.bug));
            left.extend(started.collect::<Vec<_>>());
        }
        self.under_way = UnderWay::Nothing;
        self.left = left.iter().map(power_off).collect();
    }

    /// Opening was cut off: it came to its end, or to nothing.
    pub(crate) fn half_opened(&mut self, seen: &[Seen]) {
        self.files_written(seen);
        let opened = self
            .left
            .iter()
            .filter_map(|s| recover(s, &BOUNDS, self.bug).ok());
        let opened: Vec<State> = opened.map(|state| power_off(&state)).collect();
        self.left.extend(opened);
    }

    /// The log is open, and its next record is `next`.
    pub(crate) fn opened(&mut self, seen: &[Seen], next: Lsn) -> Result<(), String> {
        let started = self.files_written(seen);
        let Some(header) = started else {
            return Err("no segment was started".to_owned());
        };
        if self.left.is_empty() {
            return Ok(());
        }
        let start = small(header.start_lsn);
        let mut outcomes = Vec::new();
        for left in std::mem::take(&mut self.left) {
            match recover(&left, &BOUNDS, self.bug) {
                Ok(state) if state.is_refused => outcomes.push("refused".to_owned()),
                Ok(state) if (state.next, state.start) == (next, start) => {
                    self.state = state;
                    return self.forget(start, seen);
                }
                Ok(state) => outcomes.push(format!("{} from {}", state.next, state.start)),
                Err(broken) => outcomes.push(broken),
            }
        }
        Err(format!(
            "the next is {next} from {start}, and not one of {outcomes:?}"
        ))
    }

    /// Opening removes what was truncated away.
    fn forget(&mut self, start: Lsn, seen: &[Seen]) -> Result<(), String> {
        while let Some(less) = remove(&self.state, self.bug) {
            self.state = less;
        }
        let gone = seen.iter().filter_map(|seen| match seen {
            Seen::Gone { name } => first_of(name),
            _ => None,
        });
        let wrong: Vec<u64> = gone.filter(|first| *first >= u64::from(start)).collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{wrong:?} are removed, and the log starts at {start}"
            ))
        }
    }

    /// Takes in what was written while a log was opened; the header of the segment that was started.
    fn files_written(&mut self, seen: &[Seen]) -> Option<SegmentHeader> {
        let mut last = None;
        for seen in seen {
            if let Seen::Began {
                file,
                offset: 0,
                bytes,
            } = seen
            {
                last = self.header(*file, bytes);
            }
        }
        last
    }

    fn header(&mut self, file: usize, bytes: &[u8]) -> Option<SegmentHeader> {
        let header = SegmentHeader::decode_block(bytes.first_chunk()?).ok()?;
        let mut image = vec![0; usize::try_from(header.capacity).ok()?];
        image[..bytes.len()].copy_from_slice(bytes);
        let end = bytes.len();
        self.files.insert(file, File { header, image, end });
        Some(header)
    }

    fn began(&mut self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), String> {
        if offset == 0 {
            self.starting = self.header(file, bytes);
            return Ok(());
        }
        let Some(file) = self.files.get_mut(&file) else {
            // A segment that was there before: it is sealed.
            return Ok(());
        };
        let head = bytes.first_chunk().unwrap();
        let seed = file.header.seed();
        if let Ok(header) = RecordHeader::decode(head, seed)
            && header.kind.bits() == FOOTER_KIND
        {
            let (first, last) = (small(file.header.first_lsn), small(header.lsn));
            return self.sealed(first, last);
        }
        let at = usize::try_from(offset).unwrap();
        file.image[at..at + bytes.len()].copy_from_slice(bytes);
        let scan = Scan::of(&file.image).unwrap();
        let new = scan.parts.iter().filter(|p| p.bytes.start >= file.end);
        let new: Vec<Piece> = new.map(|placed| piece(&placed.part)).collect();
        file.end = scan.data_end;
        let first = small(file.header.first_lsn);
        match new.last() {
            // The trailer.
            None => Ok(()),
            Some(Piece::Frontier { start, .. }) => self.written(first, *start, &new),
            Some(_) => Err("a write does not end in a frontier".to_owned()),
        }
    }

    /// A write to the segment that starts at `first` is on its way.
    fn written(&mut self, first: Lsn, start: Lsn, new: &[Piece]) -> Result<(), String> {
        if start > self.state.start {
            let truncated = truncate(&self.state, start, &BOUNDS, self.bug);
            self.go(truncated, "the log is truncated")?;
        }
        let active = self.state.segments.last().unwrap();
        if active.first != first {
            return Err(format!("segment {first} is written, not {}", active.first));
        }
        let before = active.pieces.len();
        let cut = cut(&self.state, self.bug).or_else(|| vouch(&self.state));
        self.go(cut, "a write is cut")?;
        self.under_way = UnderWay::Write;
        let sent = &self.state.segments.last().unwrap().pieces[before..];
        let is_same = sent.len() == new.len() && sent.iter().zip(new).all(|(a, b)| same(a, b));
        if is_same {
            Ok(())
        } else {
            Err(format!("{new:?} is written, and not {sent:?}"))
        }
    }

    fn sealed(&mut self, first: Lsn, last: Lsn) -> Result<(), String> {
        let at = self.state.segments.iter().position(|s| s.first == first);
        let Some(at) = at else {
            return Err(format!("segment {first} is sealed, and there is none"));
        };
        let is_active = at + 1 == self.state.segments.len();
        if is_active {
            // The log is being closed, which is a segment's end without another.
            return self.expect(
                Some(self.state.next - 1),
                Some(last),
                "the end of a closed log",
            );
        }
        if self.state.segments[at].sealed.is_none() {
            self.go(seal(&self.state), "a segment is sealed")?;
        }
        let sealed = self.state.segments[at].sealed;
        self.expect(sealed, Some(last), "the end of a sealed segment")
    }

    fn gone(&mut self, name: &str) -> Result<(), String> {
        let Some(first) = first_of(name) else {
            return Ok(());
        };
        let oldest = self.state.segments.first().map(|s| s.first);
        self.expect(oldest, Lsn::try_from(first).ok(), "the segment removed")?;
        self.go(remove(&self.state, self.bug), "a segment is removed")
    }

    /// All names are durable: also that of a segment that is being started.
    fn started(&mut self) -> Result<(), String> {
        let Some(header) = self.starting.take() else {
            return Ok(());
        };
        self.go(
            rotate(&self.state, &BOUNDS, self.bug),
            "a segment is started",
        )?;
        let new = self.state.segments.last().unwrap();
        let (first, start) = (new.first, new.start);
        self.expect(Some(first), Some(small(header.first_lsn)), "its first")?;
        self.expect(Some(start), Some(small(header.start_lsn)), "its start")?;
        let before = Some(small(header.previous_last_lsn));
        self.expect(Some(first - 1), before, "what is before it")
    }

    fn expect(&self, expected: Option<Lsn>, found: Option<Lsn>, what: &str) -> Result<(), String> {
        if expected == found {
            return Ok(());
        }
        let state = &self.state;
        Err(format!(
            "{what} is {found:?}, not {expected:?}, in {state:#?}"
        ))
    }

    fn go(&mut self, to: Option<State>, what: &str) -> Result<(), String> {
        match to {
            Some(state) => {
                self.state = state;
                Ok(())
            }
            None => Err(format!("{what}, and cannot be in {:#?}", self.state)),
        }
    }
}

fn piece(part: &Part) -> Piece {
    match part {
        Part::Record(header) => Piece::Record {
            lsn: small(header.lsn),
            id: 0,
            continues: header.batch_continues(),
        },
        Part::Frontier(frontier) => Piece::Frontier {
            durable: small(frontier.durable_lsn),
            start: small(frontier.start_lsn),
        },
    }
}

/// Whether both say the same; which record it is, the disk does not say.
fn same(model: &Piece, found: &Piece) -> bool {
    match (*model, *found) {
        (
            Piece::Record { lsn, continues, .. },
            Piece::Record {
                lsn: found,
                continues: goes_on,
                ..
            },
        ) => (lsn, continues) == (found, goes_on),
        (model, found) => model == found,
    }
}

/// The first record of the segment that has this name.
fn first_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix("wal-")?.strip_suffix(".seg")?;
    number.parse().ok()
}
