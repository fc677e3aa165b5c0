//! CSV files with a header of known names.

use std::io::Read;
use std::marker::PhantomData;

use csv::{Position, StringRecord};

use super::FormatError;

/// A row of a CSV file.
pub trait CsvRow: Sized {
    /// The names in the file's first line.
    const HEADER: &'static [&'static str];

    /// The row with these fields.
    ///
    /// # Errors
    ///
    /// What is wrong with them, for people.
    fn of_fields(fields: &[&str]) -> Result<Self, String>;
}

/// The rows of a file, one after the other.
#[derive(Debug)]
pub struct CsvRows<R, T> {
    file: String,
    rows: csv::Reader<R>,
    row: StringRecord,
    shape: PhantomData<T>,
}

impl<R: Read, T: CsvRow> CsvRows<R, T> {
    /// The rows of `input`, which errors call `file`.
    ///
    /// # Errors
    ///
    /// The first line does not have the names it should have.
    pub fn new(input: R, file: &str) -> Result<Self, FormatError> {
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(input);
        let header = rows
            .headers()
            .map_err(|error| FormatError::new(file, 1, "cannot be read").because(error))?;
        if header.iter().ne(T::HEADER.iter().copied()) {
            let problem = format!("the header is not `{}`", T::HEADER.join(","));
            return Err(FormatError::new(file, 1, problem));
        }
        Ok(Self {
            file: file.to_owned(),
            rows,
            row: StringRecord::new(),
            shape: PhantomData,
        })
    }

    fn problem_at(&self, position: Option<&Position>, problem: impl Into<String>) -> FormatError {
        FormatError::new(&self.file, position.map_or(0, Position::line), problem)
    }
}

impl<R: Read, T: CsvRow> Iterator for CsvRows<R, T> {
    type Item = Result<T, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.read_record(&mut self.row) {
            Ok(false) => None,
            Ok(true) => {
                let fields: Vec<&str> = self.row.iter().collect();
                let row = T::of_fields(&fields);
                Some(row.map_err(|problem| self.problem_at(self.row.position(), problem)))
            }
            Err(error) => {
                let problem = self.problem_at(error.position(), "cannot be read");
                Some(Err(problem.because(error)))
            }
        }
    }
}
