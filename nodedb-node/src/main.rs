//! The program `nodedb-node`. Everything it does is in [`nodedb_node::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    nodedb_node::cli::main()
}
