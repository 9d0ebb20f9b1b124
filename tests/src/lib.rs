//! The harness of the tests that need more than one package: several hosts on one machine, and chat programs on
//! them that are driven as a bot would drive them.
//!
//! | module | what it gives |
//! |---|---|
//! | [`lan`] | a network of its own: hosts in namespaces, joined by a switch that no other network touches |
//! | [`chat`] | one running chat program, driven by JSON lines |
//! | [`running`] | a running program that prints lines: every wait bounded, everything kept for the failure message |
//! | [`outcome`] | a program run to its end: exit code, output, time |
//! | [`foreign`] | other people's multicast DNS, browsing and advertising |
//! | [`browser`] | what they say of those who are on the network |
//! | [`namespace`] | for tests that open sockets themselves: the test runs in a namespace, and threads of it in others |
//! | [`bin`] | the two programs, built once |
//! | [`measure`] | when a measurement says anything, and what a program occupies |
//! | [`scratch`] | directories that vanish with the test |
//! | [`watch`] | real time, in one place |
//!
//! A test begins with `let Some(mut lan) = Lan::new() else { return };`. Where namespaces cannot be had it says
//! aloud that it is skipped and why; with `CI` set a skip is a failure.
#![forbid(unsafe_code)]

mod avahi;
pub mod bin;
pub mod browser;
pub mod chat;
pub mod foreign;
mod frames;
pub mod lan;
pub mod measure;
#[cfg(target_os = "linux")]
pub mod namespace;
mod netns;
pub mod outcome;
pub mod running;
pub mod scratch;
pub mod watch;

pub use frames::SESSIONS;

/// The loop in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
