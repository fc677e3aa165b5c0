//! One fuzz target, chosen by the name of the program.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    nodedb_tests::fuzz::run(env!("CARGO_BIN_NAME"), bytes);
});
