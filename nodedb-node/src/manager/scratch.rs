//! Memory that payloads are encoded into, one piece per thread, used again and again.

use std::cell::Cell;

/// What a thread keeps; a payload that needed more gives its memory back.
const KEPT_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends `work` this thread's memory, whatever is in it. While it is lent, and on a thread that is
/// ending, others get memory of their own.
pub(super) fn with_scratch<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut buffer = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let result = work(&mut buffer);
    if buffer.capacity() <= KEPT_BYTES_MAX {
        // A thread that is ending keeps nothing.
        SCRATCH.try_with(|kept| kept.set(buffer)).unwrap_or(());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gets_the_same_memory_again_unless_it_grew_too_large() {
        let memory = |len: usize| {
            with_scratch(|buffer| {
                buffer.clear();
                buffer.resize(len, 1);
                buffer.as_ptr().addr()
            })
        };
        assert_eq!(memory(100), memory(90));
        memory(KEPT_BYTES_MAX + 1);
        assert_eq!(with_scratch(|buffer| buffer.capacity()), 0);
    }

    #[test]
    fn memory_that_is_lent_is_lent_once() {
        with_scratch(|outer| {
            outer.push(1);
            with_scratch(|inner| assert!(inner.is_empty()));
            assert_eq!(outer.pop(), Some(1));
        });
    }
}
