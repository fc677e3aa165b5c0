//! Watching a directory by inotify; where that is not to be had, by the clock.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::storage::{Alarm, Changes, DirectoryWatch};

/// How often it is said that anything may have happened, where the operating system does not tell.
const EVERY: Duration = Duration::from_millis(20);

/// A directory that is watched.
#[derive(Debug)]
pub(super) struct OsWatch {
    /// `None` where there is no inotify, or this user has too many already.
    events: Option<Inotify>,
    alarm: Arc<OsAlarm>,
}

#[derive(Debug)]
struct OsAlarm(EventFd);

impl OsWatch {
    /// Watches the directory at `path` from now on.
    ///
    /// # Errors
    ///
    /// There is no such directory, or no descriptor to be had.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let alarm = EventFd::from_value_and_flags(0, flags)?;
        Ok(Self {
            events: events_of(path)?,
            alarm: Arc::new(OsAlarm(alarm)),
        })
    }

    /// Waits for an event or the alarm.
    fn sleep(&self, at_most: Option<Duration>) -> nix::Result<()> {
        let mut sources = vec![PollFd::new(self.alarm.0.as_fd(), PollFlags::POLLIN)];
        if let Some(events) = &self.events {
            sources.push(PollFd::new(events.as_fd(), PollFlags::POLLIN));
        }
        let at_most = match self.events {
            Some(_) => at_most,
            None => Some(at_most.map_or(EVERY, |time| time.min(EVERY))),
        };
        poll(&mut sources, at_most.map_or(PollTimeout::NONE, timeout)).map(drop)
    }
}

/// The events of the directory at `path`; `None` where this system, or this process, has none.
fn events_of(path: &Path) -> io::Result<Option<Inotify>> {
    let what = AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
        | AddWatchFlags::IN_ONLYDIR;
    let made = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
        .and_then(|events| events.add_watch(path, what).map(|_| events));
    match made {
        Ok(events) => Ok(Some(events)),
        Err(errno @ (Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES)) => Err(errno.into()),
        Err(error) => {
            tracing::debug!(%error, "no events of the directory; it is looked at every so often");
            Ok(None)
        }
    }
}

/// Rounded up: a wait that ends too early would be begun again at once.
fn timeout(time: Duration) -> PollTimeout {
    let millis = time.as_nanos().div_ceil(1_000_000);
    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
}

/// What an event says.
fn changes_of(mask: AddWatchFlags) -> Changes {
    if mask == AddWatchFlags::IN_MODIFY {
        Changes {
            names: false,
            bytes: true,
        }
    } else {
        // Also where events were lost, because there were too many.
        Changes::ALL
    }
}

impl DirectoryWatch for OsWatch {
    fn wait(&mut self, at_most: Option<Duration>) -> io::Result<Changes> {
        match self.sleep(at_most) {
            Ok(()) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let Some(events) = &self.events else {
            return Ok(Changes::ALL);
        };
        let mut changes = Changes::default();
        loop {
            match events.read_events() {
                Ok(events) => {
                    let said = events.iter().map(|event| changes_of(event.mask));
                    changes = said.fold(changes, Changes::and);
                }
                Err(Errno::EAGAIN) => return Ok(changes),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn is_told(&self) -> bool {
        self.events.is_some()
    }

    fn alarm(&self) -> Arc<dyn Alarm> {
        Arc::clone(&self.alarm) as Arc<dyn Alarm>
    }
}

impl Alarm for OsAlarm {
    fn ring(&self) {
        // It fails only where it has been rung more often than it can count.
        let _rung_already = self.0.write(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Access, AlignedBuf, IoMode, OsStorage, Storage};

    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn what_happens_in_the_directory_is_told_also_of_direct_writes() {
        for mode in [IoMode::Direct, IoMode::Buffered] {
            let home = tempfile::tempdir().unwrap();
            let storage = OsStorage::new(home.path(), mode);
            let file = storage.create("a", 8192).unwrap();
            let mut watch = OsWatch::new(home.path()).unwrap();
            assert!(watch.is_told());
            assert!(watch.wait(AT_ONCE).unwrap().is_nothing());
            file.write_durable(AlignedBuf::zeroed(4096).as_slice(), 4096)
                .unwrap();
            let written = watch.wait(None).unwrap();
            assert_eq!((written.names, written.bytes), (false, true), "{mode:?}");
            storage.rename("a", "b").unwrap();
            assert!(watch.wait(None).unwrap().names);
            drop(storage.open("b", Access::Read).unwrap());
            assert!(watch.wait(AT_ONCE).unwrap().is_nothing());
            storage.remove("b").unwrap();
            assert!(watch.wait(None).unwrap().names);
        }
    }

    #[test]
    fn an_alarm_wakes_whoever_waits() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = OsWatch::new(home.path()).unwrap();
        let alarm = watch.alarm();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watch.wait(None).unwrap());
            alarm.ring();
            assert!(waiting.join().unwrap().is_nothing());
        });
    }

    #[test]
    fn without_events_anything_may_have_happened() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = OsWatch::new(home.path()).unwrap();
        watch.events = None;
        assert!(!watch.is_told());
        assert_eq!(watch.wait(None).unwrap(), Changes::ALL);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let error = OsWatch::new(&home.path().join("x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
