//! Feeds the fuzzer's bytes to the target `rest_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_fuzz::run("rest_request", data));
