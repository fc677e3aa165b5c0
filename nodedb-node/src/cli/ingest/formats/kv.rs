//! Block I/O traces as CSV: `version,time,op,size,lbn`. A write becomes a [`Put`]: the key is the
//! block number, the value is `size` bytes long.
//!
//! What a write wrote is not in the trace, so the value is filled with the row's own text, over and
//! over: [`BlockRequest::of_put`] reads the row back from it. Rows of fewer bytes than their text
//! is long cannot be read back; real requests are of whole sectors. Reads are not kept.

use nodedb_wal::payload::Put;

use super::CsvRow;

/// The largest request: more than any device takes at once, and less than a mistake in a file could make
/// the program allocate.
const SIZE_BYTES_MAX: u32 = 16 << 20;

/// What a request does, by its SCSI operation code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `28`, READ(10).
    Read,
    /// `2a`, WRITE(10).
    Write,
}

impl Operation {
    fn of_code(code: &str) -> Option<Self> {
        match code {
            "28" => Some(Self::Read),
            "2a" | "2A" => Some(Self::Write),
            _ => None,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Read => "28",
            Self::Write => "2a",
        }
    }
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// The trace's format version.
    pub version: u32,
    /// When the request was made, in the trace's own seconds.
    pub time: u64,
    /// What it does.
    pub operation: Operation,
    /// How many bytes it reads or writes.
    pub size_bytes: u32,
    /// The number of the first block.
    pub block: u64,
}

impl BlockRequest {
    /// The write as a row of `collection`.
    #[must_use]
    pub fn to_put(&self, collection: &str) -> Put {
        let text = self.text();
        Put {
            collection: collection.to_owned(),
            // Big-endian, so that keys sort as block numbers do.
            key: self.block.to_be_bytes().to_vec(),
            value: text
                .bytes()
                .cycle()
                .take(usize::try_from(self.size_bytes).unwrap_or(usize::MAX))
                .collect(),
        }
    }

    /// The request that [`Self::to_put`] made `put` from; nothing when it did not.
    #[must_use]
    pub fn of_put(put: &Put) -> Option<Self> {
        let end = put.value.iter().position(|byte| *byte == b'\n')?;
        let text = std::str::from_utf8(&put.value[..end]).ok()?;
        let fields: Vec<&str> = text.split(',').collect();
        let request = Self::of_fields(&fields).ok()?;
        (request.to_put(&put.collection) == *put).then_some(request)
    }

    /// The row as it stands in the file, newline included.
    fn text(&self) -> String {
        let code = self.operation.code();
        let (version, time, size, block) = (self.version, self.time, self.size_bytes, self.block);
        format!("{version},{time},{code},{size},{block}\n")
    }
}

impl CsvRow for BlockRequest {
    const HEADER: &'static [&'static str] = &["version", "time", "op", "size", "lbn"];

    fn of_fields(fields: &[&str]) -> Result<Self, String> {
        let &[version, time, code, size, block] = fields else {
            return Err(format!("{} fields where 5 belong", fields.len()));
        };
        let operation = Operation::of_code(code)
            .ok_or_else(|| format!("operation `{code}` is neither 2a (write) nor 28 (read)"))?;
        let size_bytes = number("size", size)?;
        if size_bytes > SIZE_BYTES_MAX {
            return Err(format!("`size` is {size}, more than {SIZE_BYTES_MAX}"));
        }
        Ok(Self {
            version: number("version", version)?,
            time: number("time", time)?,
            operation,
            size_bytes,
            block: number("lbn", block)?,
        })
    }
}

fn number<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{field}` is `{text}`, not a number in range"))
}

#[cfg(test)]
mod tests {
    use super::super::{CsvRows, FormatError};
    use super::*;

    fn parse(text: &str) -> Result<Vec<BlockRequest>, FormatError> {
        CsvRows::new(text.as_bytes(), "f")?.collect()
    }

    #[test]
    fn a_write_comes_back_from_its_put() {
        let text = "version,time,op,size,lbn\n1,5633898,2a,512,42932745\n1,5,28,4096,7\n";
        let requests = parse(text).unwrap();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[1].operation, Operation::Read);
        let put = requests[0].to_put("blocks");
        assert_eq!(put.key, 42_932_745_u64.to_be_bytes());
        assert_eq!(put.value.len(), 512);
        assert_eq!(BlockRequest::of_put(&put), Some(requests[0]));
    }

    #[test]
    fn what_was_not_made_from_a_row_is_not_taken_for_one() {
        let request = parse("version,time,op,size,lbn\n1,2,2a,512,3\n").unwrap()[0];
        let good = request.to_put("blocks");
        let mut value = good.value.clone();
        value[300] ^= 1;
        for bad in [
            Put {
                key: vec![1],
                ..good.clone()
            },
            Put {
                value: vec![],
                ..good.clone()
            },
            Put { value, ..good },
        ] {
            assert_eq!(BlockRequest::of_put(&bad), None);
        }
    }

    #[test]
    fn errors_name_file_and_line() {
        let cases = [
            ("a,b\n", "f, line 1: the header"),
            (
                "version,time,op,size,lbn\n1,2,2a,512,3\n1,2,35,512,3\n",
                "f, line 3: operation `35`",
            ),
            (
                "version,time,op,size,lbn\n1,2,2a,512\n",
                "f, line 2: 4 fields",
            ),
            (
                "version,time,op,size,lbn\n1,2,2a,-5,3\n",
                "f, line 2: `size`",
            ),
            // A row of 30 bytes took 4 GiB of memory. Found by the fuzz target `input_file`.
            (
                "version,time,op,size,lbn\n1,2,2a,4294967295,3\n",
                "f, line 2: `size` is 4294967295, more than",
            ),
        ];
        for (text, start) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
