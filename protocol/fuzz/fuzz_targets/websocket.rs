//! Feeds the fuzzer's bytes to the target `websocket`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_fuzz::run("websocket", data));
