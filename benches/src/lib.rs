//! Criterion benches and side-by-side harnesses of cube-sdk
