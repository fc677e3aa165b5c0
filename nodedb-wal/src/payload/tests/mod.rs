//! What holds for every kind of payload: each check takes any of them.

mod consumer_samples;
mod encoding;
mod refusal;
mod round_trip;
mod samples;
mod strategies;
