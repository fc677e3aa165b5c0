//! The logs of several cores on the simulated disk: what they promise, and what crashes leave of it.
#![cfg(feature = "sim")]

mod crash;
mod cut;
mod damage;
mod lives;
mod owners;
mod support;
mod syncing;
