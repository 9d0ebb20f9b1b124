//! What a person sees: command line, front ends, profile and history.
#![forbid(unsafe_code)]

mod address;
mod clean;
mod cli;
mod fault;
mod people;
mod profile;
pub mod store;
#[cfg(test)]
mod testing;
