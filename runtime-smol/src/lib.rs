//! The chat on smol.
#![forbid(unsafe_code)]
