#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cube_sdk_fuzz::targets::publish_challenge::run(data));
