//! How a data plane embeds the log: rows in a redb file of its own, brought up from the log when it
//! starts, written to the log first when it runs.
//!
//! ```text
//! cargo run --example data_plane -- DIRECTORY OPERATIONS
//! ```
//!
//! runs operations against the rows in a directory, going on where the last run ended or was killed.
//! `plane.rs` has the write path, the restart path and checkpoints; `store.rs` the rows, and the LSN
//! that is written with them.
#![expect(
    clippy::print_stdout,
    reason = "an example tells what it does to whoever runs it"
)]

mod plane;
mod store;
#[cfg(test)]
mod tests;
mod workload;

use std::error::Error;
use std::path::Path;

use plane::DataPlane;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(operations)) = (arguments.next(), arguments.next()) else {
        return Err("usage: data_plane DIRECTORY OPERATIONS".into());
    };
    let plane = DataPlane::open(Path::new(&directory))?;
    let restart = plane.restart();
    println!(
        "restarted: {} records applied, {} bytes read of the log",
        restart.applied, restart.bytes_read
    );
    run(&plane, operations.parse()?, |number| {
        println!("{number} is durable");
    })?;
    let (start, bytes) = plane.retained();
    println!("the log starts at LSN {start} and takes {bytes} bytes");
    plane.close()
}

/// Runs this many operations more, and tells of each once it is durable.
fn run(
    plane: &DataPlane,
    operations: u64,
    mut tell: impl FnMut(u64),
) -> Result<(), Box<dyn Error>> {
    let done = workload::progress(plane)?;
    for number in done + 1..=done + operations {
        workload::operate(plane, number)?;
        tell(number);
    }
    Ok(())
}
