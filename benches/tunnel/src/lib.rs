//! The tunnel beside its yardsticks and peers, over a slow line, and under connections that are killed.

pub mod chaos;
pub mod delay;
pub mod ends;
pub mod figures;
pub mod line;
pub mod load;
pub mod memory;
pub mod peers;
pub mod process;
pub mod quick;
pub mod run;
pub mod stalled;
