//! Progress bars: on standard error, and only where somebody looks at it.

use indicatif::{ProgressBar, ProgressStyle};

const BYTES: &str = "{msg} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";
const RECORDS: &str = "{msg} [{bar:40}] {pos}/{len} {per_sec} eta {eta}";
const REPLAYED: &str = "replaying [{bar:40}] {pos}/{len} {msg}";

/// A bar over bytes.
pub(super) fn bytes(total: u64, what: impl Into<String>) -> ProgressBar {
    bar(BYTES, total, what.into())
}

/// A bar over records or rounds.
pub(super) fn counted(total: u64, what: impl Into<String>) -> ProgressBar {
    bar(RECORDS, total, what.into())
}

/// A bar over records whose message says how fast it goes and how long it will take.
pub(super) fn replaying() -> ProgressBar {
    bar(REPLAYED, 0, String::new())
}

fn bar(template: &str, total: u64, what: String) -> ProgressBar {
    // A template that cannot be read leaves the plain bar.
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(total).with_style(style).with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [BYTES, RECORDS, REPLAYED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
