//! Small programs that show and time one part of cube-sdk each

pub mod program;
pub mod signal;
pub mod tunnel_key;
