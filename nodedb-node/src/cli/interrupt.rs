//! Ctrl-C and its like: a command that has something to clear away first asks to be told of them.

use std::io;
use std::thread::JoinHandle;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

const INTERRUPTS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Whether a process that ended by this signal was meant to, as by Ctrl-C.
pub(super) fn is_interrupt(signal: i32) -> bool {
    INTERRUPTS.contains(&signal)
}

/// Calls somebody for each signal that would end the program, for as long as it exists.
#[derive(Debug)]
pub(super) struct Interrupts {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Interrupts {
    /// From now on those signals end nothing, and `heard` is called on a thread of its own.
    pub(super) fn listen(heard: impl Fn() + Send + 'static) -> io::Result<Self> {
        let mut signals = Signals::new(INTERRUPTS)?;
        let handle = signals.handle();
        let thread = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || signals.forever().for_each(|_| heard()))?;
        let thread = Some(thread);
        Ok(Self { handle, thread })
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It can only have ended by a panic, which was printed.
            let _over = thread.join();
        }
    }
}
