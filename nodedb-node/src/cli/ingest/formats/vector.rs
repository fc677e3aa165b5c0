//! Vectors as text: one a line, numbers between blanks, all of one length, with or without a word
//! in front. Each becomes a [`VectorPut`].
//!
//! The id is the word, or where there is none the number of the line, from 1 on, in 8 bytes
//! big-endian. Numbers are kept as the 32-bit floats they are nearest to.

use std::io::BufRead;

use nodedb_wal::payload::VectorPut;

use super::FormatError;

/// One vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRow {
    /// Its word, or its line number.
    pub id: Vec<u8>,
    /// Its numbers.
    pub vector: Vec<f32>,
}

impl VectorRow {
    /// The vector as one of `collection`.
    #[must_use]
    pub fn into_put(self, collection: &str) -> VectorPut {
        VectorPut {
            collection: collection.to_owned(),
            id: self.id,
            vector: self.vector,
        }
    }

    /// The row that [`Self::into_put`] made `put` from.
    #[must_use]
    pub fn of_put(put: VectorPut) -> Self {
        Self {
            id: put.id,
            vector: put.vector,
        }
    }
}

/// What every line of a file has in common; the first line says it.
#[derive(Clone, Copy, Debug)]
struct Shape {
    has_words: bool,
    dimension: usize,
}

/// The vectors of a file, one after the other. Empty lines are passed over.
#[derive(Debug)]
pub struct VectorRows<R> {
    file: String,
    input: R,
    line: u64,
    shape: Option<Shape>,
}

impl<R: BufRead> VectorRows<R> {
    /// The vectors of `input`, which errors call `file`.
    pub fn new(input: R, file: &str) -> Self {
        Self {
            file: file.to_owned(),
            input,
            line: 0,
            shape: None,
        }
    }

    fn read_row(&mut self) -> Result<Option<VectorRow>, FormatError> {
        let mut text = String::new();
        loop {
            text.clear();
            self.line += 1;
            let len = self
                .input
                .read_line(&mut text)
                .map_err(|error| self.problem("cannot be read").because(error))?;
            if len == 0 {
                return Ok(None);
            }
            if !text.trim().is_empty() {
                return self.parse(&text).map(Some);
            }
        }
    }

    fn parse(&mut self, text: &str) -> Result<VectorRow, FormatError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let shape = *self.shape.get_or_insert_with(|| Shape::of(&fields));
        let words = usize::from(shape.has_words);
        let dimension = fields.len() - words;
        if dimension != shape.dimension || dimension == 0 {
            let problem = format!(
                "{dimension} numbers where {} belong",
                shape.dimension.max(1)
            );
            return Err(self.problem(problem));
        }
        let vector = fields[words..]
            .iter()
            .map(|field| {
                let number = field.parse();
                number.map_err(|_| self.problem(format!("`{field}` is not a number")))
            })
            .collect::<Result<_, _>>()?;
        let id = if shape.has_words {
            fields[0].as_bytes().to_vec()
        } else {
            self.line.to_be_bytes().to_vec()
        };
        Ok(VectorRow { id, vector })
    }

    fn problem(&self, problem: impl Into<String>) -> FormatError {
        FormatError::new(&self.file, self.line, problem)
    }
}

impl Shape {
    /// A word is what does not start as a number does: `nan` and `inf` are words here.
    fn of(fields: &[&str]) -> Self {
        let first = fields.first().and_then(|field| field.chars().next());
        let starts_a_number = |c: char| c.is_ascii_digit() || "+-.".contains(c);
        let has_words = !first.is_some_and(starts_a_number);
        Self {
            has_words,
            dimension: fields.len() - usize::from(has_words),
        }
    }
}

impl<R: BufRead> Iterator for VectorRows<R> {
    type Item = Result<VectorRow, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_row().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<VectorRow>, FormatError> {
        VectorRows::new(text.as_bytes(), "f").collect()
    }

    #[test]
    fn words_are_ids_and_so_are_line_numbers() {
        let rows = parse("the -0.038194 1e-3\n, 0.5 2\n").unwrap();
        assert_eq!(
            (rows[0].id.as_slice(), rows[1].id.as_slice()),
            (&b"the"[..], &b","[..])
        );
        assert_eq!(
            rows[0].vector,
            ["-0.038194", "1e-3"].map(|n| n.parse::<f32>().unwrap())
        );
        let rows = parse("   1.1690197e-03   -2\n\n 3 4 \n").unwrap();
        assert_eq!(
            (rows[0].id.as_slice(), rows[1].id.as_slice()),
            (&1_u64.to_be_bytes()[..], &3_u64.to_be_bytes()[..])
        );
        let again = VectorRow::of_put(rows[0].clone().into_put("vectors"));
        assert_eq!(again, rows[0]);
    }

    #[test]
    fn errors_name_file_and_line() {
        let cases = [
            ("1 2 3\n1 2\n", "f, line 2: 2 numbers where 3"),
            ("a 1 2\nb 1 x\n", "f, line 2: `x`"),
            ("word\n", "f, line 1: 0 numbers"),
        ];
        for (text, start) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
