//! Feeds the fuzzer's bytes to the target `client_event`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_fuzz::run("client_event", data));
