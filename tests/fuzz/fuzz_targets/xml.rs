#![no_main]

#[path = "../targets/xml.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|body: &[u8]| target::run(body));
