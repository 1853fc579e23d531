#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cube_sdk_fuzz::targets::byo_trail::run(data));
