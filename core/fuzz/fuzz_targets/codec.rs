#![no_main]

#[path = "../drive/codec.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drive::codec(bytes));
