//! The deterministic network simulator.
#![forbid(unsafe_code)]
