//! Bytes to `properties::head`, for as long as it runs.
#![no_main]

#[path = "../hostile/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::head(bytes));
