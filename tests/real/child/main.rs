//! The process under test: `nodedb-node` itself, or a writer each of whose records can be checked.
//! Before either starts, what the variable `REAL_LIMITS` says is taken away from the process.
#![expect(
    clippy::unwrap_used,
    reason = "a test's process that cannot go on stops here"
)]

mod assigner;
mod consumers;
mod limits;
mod writer;

use std::process::ExitCode;

/// No process under test is at work for so long, in seconds: one that hangs ends, and its test fails.
const HANGS_AFTER: u32 = 900;

fn main() -> ExitCode {
    nix::unistd::alarm::set(HANGS_AFTER);
    limits::apply();
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("write") => writer::main(arguments),
        Some("assign") => assigner::main(arguments),
        Some("consume") => consumers::main(arguments),
        // Whoever started it holds the other end.
        Some("idle") => {
            let _ended = std::io::stdin().read_line(&mut String::new());
            ExitCode::SUCCESS
        }
        // Arguments as of the program itself.
        _ => nodedb_node::cli::main(),
    }
}
