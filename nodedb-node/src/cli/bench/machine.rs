//! What a benchmark ran on, and how much memory it took: from the kernel's own reports. Where there
//! are none, the figures are left out.

use std::fs;

use serde::Serialize;

/// The machine, and how busy others kept it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cpus: usize,
    pub(super) cpu: Option<String>,
    pub(super) kernel: Option<String>,
    /// Tasks that ran or waited for the disk, averaged over the minute before the benchmark: above 0,
    /// other work was running too.
    pub(super) load_before: Option<f64>,
}

impl Machine {
    pub(super) fn now() -> Self {
        let cpu = read("/proc/cpuinfo").and_then(|text| field(&text, "model name"));
        let kernel = read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
        let load = read("/proc/loadavg");
        Self {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            cpu,
            kernel,
            load_before: load.and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }
}

/// The process's peak memory from some moment on.
#[derive(Debug)]
pub(super) struct Peak(());

impl Peak {
    /// Starts anew from what the process holds now. Where the kernel does not let it, the peak is
    /// that of the whole run so far.
    pub(super) fn start() -> Self {
        let _where_allowed = fs::write("/proc/self/clear_refs", "5");
        Self(())
    }

    /// The most the process held at once since then, in MiB.
    pub(super) fn mib(&self) -> Option<f64> {
        let status = read("/proc/self/status")?;
        let kib: u32 = field(&status, "VmHWM")?.split(' ').next()?.parse().ok()?;
        Some(f64::from(kib) / 1024.0)
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The value behind `name:` in the first line that starts so.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "VmHWMx:\t1 kB\nVmHWM:\t  2048 kB\nmodel name\t: Some CPU: fast\n";
        assert_eq!(field(text, "VmHWM").as_deref(), Some("2048 kB"));
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU: fast"));
        assert_eq!(field(text, "other"), None);
    }
}
