//! Feeds the fuzzer's bytes to the target `engine_packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_fuzz::run("engine_packet", data));
