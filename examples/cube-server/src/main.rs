//! cube-server: the embedded world and the EdgeGate service as a program
fn main() {}
