//! Reading a directory that another process may be changing: what is wrong with it is believed once
//! two looks in a row have found it.
//!
//! A look takes several reads, and a write, a rotation or a truncation may come between two of them.
//! What it then makes of the log is different at the next look: bytes that something vouches for were
//! whole before that was written, so a second look does not find them half-written again.

use std::sync::Arc;

use super::image::{Image, OnFault};
use crate::config::OpenCheck;
use crate::error::{Error, Result};
use crate::storage::Storage;

/// How often it is looked while what is wrong changes from look to look.
const LOOKS_MAX: usize = 16;

/// What `look` gives, again until there is nothing wrong or the same as before.
pub(super) fn settled<T>(
    mut look: impl FnMut() -> Result<T>,
    faults: impl Fn(&T) -> &[Error],
) -> Result<T> {
    let mut before = String::new();
    for _ in 1..LOOKS_MAX {
        let seen = look();
        let wrong: String = match &seen {
            Ok(seen) => faults(seen).iter().map(Error::to_string).collect(),
            Err(error) => error.to_string(),
        };
        if wrong.is_empty() || wrong == before {
            return seen;
        }
        before = wrong;
    }
    look()
}

/// The log on `storage` for somebody who reads it, as [`Image::load`] gives it; and whether somebody
/// has it open for writing.
pub(super) fn image_for_reading(
    storage: &Arc<dyn Storage>,
    on_fault: OnFault,
    check: OpenCheck,
) -> Result<(Image, bool)> {
    let is_in_use = is_in_use(storage)?;
    let look = || Image::load(storage, on_fault, check);
    let image = if is_in_use {
        settled(look, |image| &image.faults)
    } else {
        look()
    };
    Ok((image?, is_in_use))
}

fn is_in_use(storage: &Arc<dyn Storage>) -> Result<bool> {
    storage.is_locked().map_err(|source| Error::Io {
        operation: "look at the lock of",
        path: storage.path().to_path_buf(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// Looks that find, one after the other, these; how many there were, and the last.
    fn looks(found: &[Option<u64>]) -> (usize, Result<Vec<Error>>) {
        let mut count = 0;
        let seen = settled(
            || {
                let fault = found[count.min(found.len() - 1)];
                count += 1;
                let offset = fault.map(|offset| Error::Scar {
                    path: "segment".into(),
                    offset,
                });
                Ok(Vec::from_iter(offset))
            },
            |faults: &Vec<Error>| faults,
        );
        (count, seen)
    }

    #[test]
    fn what_is_wrong_is_believed_when_it_is_seen_twice_in_a_row() {
        for (found, expected, wrong) in [
            (&[None][..], 1, None),
            (&[Some(1), None], 2, None),
            (&[Some(1), Some(1), None], 2, Some(1)),
            (&[Some(1), Some(2), Some(1), Some(1)], 4, Some(1)),
        ] {
            let (count, seen) = looks(found);
            assert_eq!(count, expected, "{found:?}");
            let seen = seen.unwrap().into_iter().next();
            let offset = seen.map(|error| match error {
                Error::Scar { offset, .. } => offset,
                other => panic!("{other}"),
            });
            assert_eq!(offset, wrong, "{found:?}");
        }
    }
}
