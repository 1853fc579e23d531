//! cube: the command line of cube-sdk.

fn main() {}
