//! System calls that did less than was asked: completed, and repeated when a signal came. It knows
//! nothing of files, so that the simulated disk can be as unhelpful as a real one.

use std::io;

/// Has `write` called with how many bytes are written until all `len` are.
///
/// # Errors
///
/// Those of `write` but for an interruption; and when it writes nothing and gives no reason.
pub(super) fn write_all(
    len: usize,
    mut write: impl FnMut(usize) -> io::Result<usize>,
) -> io::Result<()> {
    let mut done = 0;
    while done < len {
        match write(done) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Has `read` called with how many bytes are read until all `len` are, or there are no more; how
/// many there are.
///
/// # Errors
///
/// Those of `read` but for an interruption.
pub(super) fn read_all(
    len: usize,
    mut read: impl FnMut(usize) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while done < len {
        match read(done) {
            Ok(0) => break,
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_interrupted_calls_are_completed() {
        let mut answers = [Ok(2), Err(io::ErrorKind::Interrupted), Ok(1), Ok(3)].into_iter();
        let mut asked = Vec::new();
        let mut call = |done| {
            asked.push(done);
            let answer = answers.next().unwrap();
            answer.map_err(io::Error::from)
        };
        write_all(3, &mut call).unwrap();
        assert_eq!(read_all(3, &mut call).unwrap(), 3);
        assert_eq!(asked, [0, 2, 2, 0]);
    }

    #[test]
    fn a_call_that_does_nothing_ends_it() {
        assert_eq!(read_all(9, |done| Ok(4 - done)).unwrap(), 4);
        let error = write_all(9, |done| Ok(4 - done)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn other_errors_are_handed_on() {
        let fail = |_| Err(io::ErrorKind::StorageFull.into());
        let errors = [
            write_all(1, fail).unwrap_err(),
            read_all(1, fail).unwrap_err(),
        ];
        assert!(
            errors
                .iter()
                .all(|e| e.kind() == io::ErrorKind::StorageFull)
        );
    }
}
