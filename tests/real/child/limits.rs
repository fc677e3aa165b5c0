//! Takes rights and resources away from this process: `nofile=8,user=65534,forbid=fallocate:ENOSYS`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Applies what `REAL_LIMITS` says, in its order.
pub(crate) fn apply() {
    let limits = std::env::var("REAL_LIMITS").unwrap_or_default();
    for limit in limits.split(',').filter(|limit| !limit.is_empty()) {
        let (name, value) = limit.split_once('=').unwrap();
        match name {
            // How many files may be open.
            "nofile" => bound(Resource::RLIMIT_NOFILE, value),
            // How long a file may be. The signal that comes with it ends the process.
            "fsize" => bound(Resource::RLIMIT_FSIZE, value),
            // The same, and the signal is of no consequence: a write fails instead.
            "fsize-told" => {
                bound(Resource::RLIMIT_FSIZE, value);
                let raised = Arc::new(AtomicBool::new(false));
                signal_hook::flag::register(libc::SIGXFSZ, raised).unwrap();
            }
            // Whose process it is.
            "user" => become_user(value.parse().unwrap()),
            // A system call that answers with an error.
            "forbid" => forbid(value),
            other => panic!("no limit is called {other}"),
        }
    }
}

fn bound(resource: Resource, value: &str) {
    let most = value.parse().unwrap();
    setrlimit(resource, most, most).unwrap();
}

fn become_user(id: u32) {
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    setgroups(&[]).unwrap();
    setresgid(group, group, group).unwrap();
    setresuid(user, user, user).unwrap();
}

fn forbid(what: &str) {
    let (call, errno) = what.split_once(':').unwrap();
    let errno = match errno {
        "ENOSYS" => libc::ENOSYS,
        "EPERM" => libc::EPERM,
        "EINVAL" => libc::EINVAL,
        "EOPNOTSUPP" => libc::EOPNOTSUPP,
        other => panic!("no error is called {other}"),
    };
    let (number, rules) = match call {
        "io_uring" => (libc::SYS_io_uring_setup, vec![]),
        "fallocate" => (libc::SYS_fallocate, vec![]),
        "fadvise" => (libc::SYS_fadvise64, vec![]),
        "fdatasync" => (libc::SYS_fdatasync, vec![]),
        "pwritev2" => (libc::SYS_pwritev2, vec![]),
        "open-direct" => {
            let flag = u64::from(libc::O_DIRECT.unsigned_abs());
            (
                libc::SYS_openat,
                vec![argument(2, SeccompCmpOp::MaskedEq(flag), flag)],
            )
        }
        "lock" => {
            let command = u64::from(libc::F_OFD_SETLK.unsigned_abs());
            (
                libc::SYS_fcntl,
                vec![argument(1, SeccompCmpOp::Eq, command)],
            )
        }
        other => panic!("no system call is called {other} here"),
    };
    let filter = SeccompFilter::new(
        BTreeMap::from([(number, rules)]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

fn argument(index: u8, operation: SeccompCmpOp, value: u64) -> SeccompRule {
    let length = SeccompCmpArgLen::Dword;
    let condition = SeccompCondition::new(index, length, operation, value).unwrap();
    SeccompRule::new(vec![condition]).unwrap()
}
