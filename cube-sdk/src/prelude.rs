//! What most programs need: `use cube_sdk::prelude::*;`.

pub use crate::{Cube, Error, ErrorKind, Result};

#[cfg(feature = "edgegate")]
pub use cube_sdk_byo::ByoErrorExt as _;
#[cfg(feature = "edgegate")]
pub use cube_sdk_byo::{Bucket, ByoCode, KmsKeyArn, Region, RoleArn, S3Uri, Sha256};
