//! What most programs need: `use cube_sdk::prelude::*;`.

pub use crate::{Cube, Error, ErrorKind, Result};

#[cfg(feature = "cloud")]
pub use crate::{auth::LoginErrorExt as _, cloud::CloudErrorExt as _};
#[cfg(feature = "apollo")]
pub use cube_sdk_apollo::ApolloErrorExt as _;
#[cfg(feature = "publish")]
pub use cube_sdk_apollo::publish::PublishErrorExt as _;
#[cfg(feature = "byo")]
pub use cube_sdk_byo::{Bucket, ByoCode, KmsKeyArn, Region, RoleArn, S3Uri, Sha256};
#[cfg(feature = "byo")]
pub use cube_sdk_byo::{ByoErrorExt as _, rest::RefusalExt as _};
#[cfg(feature = "s3")]
pub use cube_sdk_byo::{GrantRef, Scope};
#[cfg(feature = "teleport")]
pub use cube_sdk_teleport::{AppErrorExt as _, TunnelErrorExt as _};
