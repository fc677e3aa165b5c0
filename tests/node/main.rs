//! The node end to end: its services.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod services;
