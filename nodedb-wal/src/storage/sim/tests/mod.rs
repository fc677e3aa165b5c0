//! The simulated disk, as a test of the log would use it.

mod agreement;
mod crashes;
mod durability;
mod faults;
mod model;
mod sharing;
mod short;
mod support;

use support::{BLOCK, blocks, crash_losing_all, durable_file, first_byte, put, sectors};
