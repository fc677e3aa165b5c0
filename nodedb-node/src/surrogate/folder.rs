//! The thread that folds bindings into the catalog. It sleeps while there is nothing to fold, and
//! whoever assigns is told when it stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::overlay::Overlay;
use super::status::SurrogateStatus;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::manager::WalManager;

/// Bindings after which they are folded: many at once, as each fold writes the pages it touches.
const FOLD_BINDINGS: u64 = 16_384;

/// The time after which fewer are folded.
const FOLD_AFTER: Duration = Duration::from_millis(200);

/// Folds bindings into the catalog: by a thread, which ends with it or, where threads are not
/// allowed, by whoever brings the last one.
#[derive(Debug)]
pub(super) struct Folder {
    shared: Arc<Shared>,
    /// Nothing before the first binding, and where threads are not allowed.
    thread: Mutex<Option<JoinHandle<()>>>,
    allows_threads: bool,
}

#[derive(Debug)]
struct Shared {
    wal: Arc<WalManager>,
    catalog: Arc<Catalog>,
    overlay: Arc<Overlay>,
    /// Durable bindings since the last fold began.
    pending: AtomicU64,
    /// Whether `State::stopped` says why.
    is_stopped: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

/// Its lock is never held while folding.
#[derive(Debug, Default)]
struct State {
    is_closing: bool,
    folds: u64,
    stopped: Option<Stopped>,
}

/// Why folding stopped; nothing when the thread panicked.
#[derive(Clone, Debug)]
struct Stopped(Option<Arc<Error>>);

impl Folder {
    pub(super) fn new(wal: Arc<WalManager>, catalog: Arc<Catalog>, overlay: Arc<Overlay>) -> Self {
        let allows_threads = wal.allows_threads();
        let shared = Shared {
            wal,
            catalog,
            overlay,
            pending: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
            thread: Mutex::new(None),
            allows_threads,
        }
    }

    /// Whether surrogates may be assigned: not once folding has stopped.
    pub(super) fn check(&self) -> Result<()> {
        if !self.shared.is_stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        match &self.shared.state.lock().stopped {
            None => Ok(()),
            Some(stopped) => Err(stopped.error()),
        }
    }

    /// Notes bindings that are durable now.
    pub(super) fn note(&self, bindings: u64) -> Result<()> {
        if bindings == 0 {
            return Ok(());
        }
        let before = self.shared.pending.fetch_add(bindings, Ordering::AcqRel);
        let is_full = before + bindings >= FOLD_BINDINGS;
        if !self.allows_threads {
            return if is_full { self.fold() } else { Ok(()) };
        }
        if before == 0 {
            self.start()?;
        }
        if before == 0 || (is_full && before < FOLD_BINDINGS) {
            // Under the lock, so that it is not missed between a look and a sleep.
            let _state = self.shared.state.lock();
            self.shared.changed.notify_one();
        }
        Ok(())
    }

    /// Folds now, on the caller's thread.
    pub(super) fn fold(&self) -> Result<()> {
        self.shared.fold()
    }

    pub(super) fn status(&self) -> SurrogateStatus {
        let state = self.shared.state.lock();
        SurrogateStatus {
            unfolded: self.shared.overlay.len(),
            folds: state.folds,
            is_stopped: state.stopped.is_some(),
            cause: state.stopped.clone().and_then(|stopped| stopped.0),
        }
    }

    fn start(&self) -> Result<()> {
        let mut thread = self.thread.lock();
        if thread.is_some() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let started = Builder::new()
            .name("surrogate-fold".to_owned())
            .spawn(move || {
                let guard = PanicGuard(&shared);
                shared.run();
                drop(guard);
            });
        match started {
            Ok(handle) => *thread = Some(handle),
            Err(source) => return Err(self.shared.stop(Error::Thread { source })),
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.shared.state.lock().is_closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.get_mut().take() {
            // A panic in it has been noted; what it had not folded is in the log.
            let _ended = thread.join();
        }
    }
}

impl Shared {
    /// The thread.
    fn run(&self) {
        let mut state = self.state.lock();
        while self.sleep(&mut state) {
            let folded = MutexGuard::unlocked(&mut state, || self.fold());
            if folded.is_err() {
                // Everybody who asks is told.
                return;
            }
        }
    }

    /// Sleeps until there is something to fold; no when it is time to end.
    fn sleep(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let mut deadline = None;
        while !state.is_closing {
            let pending = self.pending.load(Ordering::Acquire);
            if pending >= FOLD_BINDINGS {
                return true;
            }
            if pending == 0 {
                self.changed.wait(state);
                continue;
            }
            let until = *deadline.get_or_insert_with(|| Instant::now() + FOLD_AFTER);
            if self.changed.wait_until(state, until).timed_out() {
                return true;
            }
        }
        false
    }

    fn fold(&self) -> Result<()> {
        // Before the fold looks how far the log is: what comes in between is folded again.
        self.pending.store(0, Ordering::Release);
        match self.catalog.fold_for_now(&*self.wal) {
            Ok(_) => {
                // Counted before it shows.
                self.state.lock().folds += 1;
                self.overlay.forget(self.catalog.applied());
                Ok(())
            }
            Err(error) => Err(self.stop(error)),
        }
    }

    fn stop(&self, error: Error) -> Error {
        self.stop_with(Stopped(Some(Arc::new(error)))).error()
    }

    /// Notes why it stopped, unless it had before; returns what it stopped for first.
    fn stop_with(&self, stopped: Stopped) -> Stopped {
        let mut state = self.state.lock();
        let stopped = state.stopped.get_or_insert(stopped).clone();
        self.is_stopped.store(true, Ordering::Release);
        stopped
    }
}

impl Stopped {
    fn error(&self) -> Error {
        Error::FoldStopped {
            source: self.0.clone(),
        }
    }
}

/// Notes a panic of the thread.
struct PanicGuard<'s>(&'s Shared);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop_with(Stopped(None));
        }
    }
}
