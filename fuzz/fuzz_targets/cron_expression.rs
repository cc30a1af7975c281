//! For libFuzzer; what it does is in `src`, where the ordinary tests have it too.
#![no_main]

#[path = "../src/cron_expression.rs"]
mod cron_expression;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cron_expression::endure(bytes));
