#![no_main]

#[path = "../targets/envelope.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| target::run(input));
