#![no_main]

#[path = "../drive/engine.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drive::engine(bytes));
