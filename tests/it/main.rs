//! The log end to end, on the real file system.

mod basics;
