//! Feeds the fuzzer's bytes to the target `socket_packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol_fuzz::run("socket_packet", data));
