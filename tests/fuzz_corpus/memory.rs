//! How much memory this process has asked for.

/// The most address space the process ever had, in KiB; `None` where the kernel does not say.
pub(crate) fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmPeak:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn memory_that_was_asked_for_is_seen() {
    let Some(before) = peak_kib() else {
        println!("skipped: /proc/self/status does not say");
        return;
    };
    let asked = vec![0_u8; 3 << 30];
    assert_eq!(asked[1 << 20], 0);
    drop(asked);
    // Other tests ask for memory meanwhile, but give none of the peak back.
    assert!(peak_kib().unwrap() > before);
}
