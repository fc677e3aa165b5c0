//! The golden logs: what is in each, by subject.

mod case;
mod damage;
mod ends;
mod files;
mod kinds;
mod shapes;
mod strangers;

pub(crate) use case::{Case, all};
