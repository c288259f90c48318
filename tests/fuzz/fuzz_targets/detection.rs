#![no_main]

#[path = "../targets/detection.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|text: &[u8]| target::run(text));
