//! Feeds the fuzzer's bytes to the target `schema_form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_fuzz::run("schema_form", data));
