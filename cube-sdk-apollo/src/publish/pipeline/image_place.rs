//! The image of a release: what is built, where, and how docker is logged in there.

use std::sync::Arc;

use cube_sdk_core::SecretString;

use crate::publish::{ImageBuild, RemoteBuilder};

#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) build: ImageBuild,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Local,
    Remote(Arc<dyn RemoteBuilder>),
}

/// How docker is logged in at the registry before it pushes.
#[derive(Clone, Debug)]
pub(super) enum DockerLogin {
    /// It is already.
    Done,
    With(String, SecretString),
    /// With what the publisher has, asked for when it is needed.
    Publisher,
}
