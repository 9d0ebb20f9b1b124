//! What the operating system gives: interfaces, sockets and the clock.
#![forbid(unsafe_code)]
