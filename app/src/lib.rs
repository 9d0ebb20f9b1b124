//! What a person sees: command line, front ends, profile and history.
#![forbid(unsafe_code)]

mod fault;
pub mod store;
#[cfg(test)]
mod testing;
