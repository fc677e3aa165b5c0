//! The README's examples, compiled and run with the tests of the documentation.

#[doc = include_str!("../../README.md")]
struct Readme;
