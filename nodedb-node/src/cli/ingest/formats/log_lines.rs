//! Log files. A number of lines in a row becomes a [`LogBatch`], each line with its exact text.
//!
//! A line's time is the first one found in its first words; a line without one (a stack trace, say)
//! has that of the line before it, or 1970-01-01 at the start of a file. Lines end at `\n`: a `\r`
//! before it is kept as text. Whether the last line ended in `\n` is not kept.

use std::io::BufRead;

use nodedb_wal::payload::LogLine;
use nodedb_wal::types::Timestamp;

use super::{FormatError, time};

/// Words at the start of a line in which its time is looked for.
const TIME_WORDS_MAX: usize = 8;

/// The lines of a file, one after the other.
#[derive(Debug)]
pub struct LogLines<R> {
    file: String,
    input: R,
    line: u64,
    last: Timestamp,
}

impl<R: BufRead> LogLines<R> {
    /// The lines of `input`, which errors call `file`.
    pub fn new(input: R, file: &str) -> Self {
        Self {
            file: file.to_owned(),
            input,
            line: 0,
            last: Timestamp::from_nanos(0),
        }
    }

    fn read_line(&mut self) -> Result<Option<LogLine>, FormatError> {
        let mut bytes = Vec::new();
        self.line += 1;
        let problem = |problem: &str| FormatError::new(&self.file, self.line, problem);
        let len = self
            .input
            .read_until(b'\n', &mut bytes)
            .map_err(|error| problem("cannot be read").because(error))?;
        if len == 0 {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        let text =
            String::from_utf8(bytes).map_err(|error| problem("is not UTF-8").because(error))?;
        self.last = time_in(&text).unwrap_or(self.last);
        Ok(Some(LogLine {
            timestamp: self.last,
            text,
        }))
    }
}

impl<R: BufRead> Iterator for LogLines<R> {
    type Item = Result<LogLine, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_line().transpose()
    }
}

/// The first time in the line's first words: one word, or a date and the time after it.
fn time_in(text: &str) -> Option<Timestamp> {
    let words: Vec<&str> = text
        .split_ascii_whitespace()
        .map(|word| word.trim_matches(['[', ']', ',']))
        .take(TIME_WORDS_MAX + 1)
        .collect();
    let starts_like_a_time = |word: &&str| word.len() >= 10 && word.as_bytes()[4] == b'-';
    (0..words.len())
        .filter(|&at| starts_like_a_time(&words[at]))
        .find_map(|at| {
            let with_next = words
                .get(at + 1)
                .map(|next| format!("{} {next}", words[at]));
            let pair = with_next.as_deref().and_then(time::parse);
            pair.or_else(|| time::parse(words[at]))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_line_is_found_where_there_is_one() {
        let cases = [
            (
                "nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO x",
                Some(1_494_892_800_008_000_000),
            ),
            (
                "2017-05-16T00:00:00Z started",
                Some(1_494_892_800_000_000_000),
            ),
            (
                "[2017-05-16 00:00:00] started",
                Some(1_494_892_800_000_000_000),
            ),
            ("  at frame 7", None),
            ("", None),
            ("é-é-é-é-é-é 2017", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(time_in(text).map(Timestamp::as_nanos), nanos, "{text}");
        }
    }

    #[test]
    fn text_is_exact_and_a_line_without_time_has_the_one_before() {
        let input = "first\r\n2017-05-16 00:00:01 a  b\n\tmore\n\nlast";
        let lines: Vec<LogLine> = LogLines::new(input.as_bytes(), "f")
            .collect::<Result<_, _>>()
            .unwrap();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            ["first\r", "2017-05-16 00:00:01 a  b", "\tmore", "", "last"]
        );
        let times: Vec<i64> = lines.iter().map(|line| line.timestamp.as_nanos()).collect();
        let time = 1_494_892_801_000_000_000;
        assert_eq!(times, [0, time, time, time, time]);
    }

    #[test]
    fn a_line_that_is_no_text_is_named() {
        let error = LogLines::new(&b"good\n\xff\n"[..], "f")
            .collect::<Result<Vec<_>, _>>()
            .unwrap_err();
        assert_eq!(error.to_string(), "f, line 2: is not UTF-8");
    }
}
