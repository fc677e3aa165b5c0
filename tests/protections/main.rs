//! Every protection of the lessons taken out by hand, one at a time: the test that names it must fail then.
//!
//! `cases.txt` is the list. That each text it names is there, once, is tested always, so that the list
//! cannot rot; the cases themselves need a build each, and run where `PROTECTIONS` is set
//! (`scripts/protections`).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod list;
mod run;
mod table;
mod tree;
