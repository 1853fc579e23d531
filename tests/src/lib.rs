//! What crosses the crates of cube-sdk, end to end
