//! What needs more than one package to be tested.
#![forbid(unsafe_code)]
