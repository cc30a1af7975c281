//! For libFuzzer; what it does is in `src`, where the ordinary tests have it too.
#![no_main]

#[path = "../src/schedules_file.rs"]
mod schedules_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schedules_file::endure(bytes));
