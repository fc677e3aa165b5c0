//! File systems to try things on, mounted where nobody else sees them: each in a mount namespace of
//! a thread of its own, so that a mount ends with its thread, whatever becomes of the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The one of the system's temporary directory.
    Here,
    /// In memory. Linux before 6.6 refuses direct I/O on it.
    Tmpfs,
    Ext4,
    Xfs,
    Btrfs,
}

impl Place {
    /// The smallest that its `mkfs` makes, or less.
    pub(crate) const fn mebibytes_min(self) -> u64 {
        match self {
            Self::Here | Self::Tmpfs | Self::Ext4 => 16,
            Self::Xfs => 304,
            Self::Btrfs => 128,
        }
    }

    const fn mkfs(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Here | Self::Tmpfs => None,
            Self::Ext4 => Some(&["mkfs.ext4", "-q", "-F"]),
            Self::Xfs => Some(&["mkfs.xfs", "-q", "-f"]),
            Self::Btrfs => Some(&["mkfs.btrfs", "-q"]),
        }
    }

    /// Runs `body` on a new file system of this kind. Where there is none to be had it is skipped,
    /// with a message.
    pub(crate) fn with(self, mebibytes: u64, body: impl FnOnce(&Path) + Send) {
        let home = TempDir::with_prefix("nodedb-real-").unwrap();
        if self == Self::Here {
            return body(home.path());
        }
        in_own_namespace(&format!("{self:?}"), || {
            let mounted = self.mount(home.path(), mebibytes)?;
            body(&mounted.at);
            Ok(())
        });
    }

    fn mount(self, home: &Path, mebibytes: u64) -> Result<Mounted, String> {
        let at = home.join("mounted");
        std::fs::create_dir(&at).unwrap();
        let Some(mkfs) = self.mkfs() else {
            let options = format!("size={mebibytes}m");
            let mounted = mount(
                Some("none"),
                &at,
                Some("tmpfs"),
                MsFlags::empty(),
                Some(options.as_str()),
            );
            return mounted
                .map(|()| Mounted { at })
                .map_err(|errno| errno.to_string());
        };
        let image = home.join("image");
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(mebibytes << 20).unwrap();
        tool(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image))?;
        tool(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(&image)
                .arg(&at),
        )?;
        Ok(Mounted { at })
    }
}

/// Runs `body` on a thread with a mount namespace of its own; skips it, with a message, where that
/// or what `body` needs is not to be had.
pub(crate) fn in_own_namespace(what: &str, body: impl FnOnce() -> Result<(), String> + Send) {
    let ran = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            own_namespace().map_err(|errno| format!("no mount of one's own: {errno}"))?;
            body()
        });
        thread.join()
    });
    match ran {
        Ok(Ok(())) => {}
        Ok(Err(why)) => eprintln!("skipped: {what}: {why}"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn own_namespace() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
}

/// A mount, gone when dropped.
struct Mounted {
    at: PathBuf,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _best_effort = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

/// Runs a tool of the system; why it cannot be had when it cannot.
fn tool(command: &mut Command) -> Result<(), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// How often more than usual everything is done.
pub(crate) fn rounds() -> u64 {
    let rounds = std::env::var("REAL_ROUNDS").ok();
    rounds.map_or(1, |rounds| rounds.parse().unwrap())
}
