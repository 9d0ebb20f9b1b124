//! The chat on blocking threads.
#![forbid(unsafe_code)]
