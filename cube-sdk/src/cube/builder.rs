//! The settings of a cube: the same for every door.

use cube_sdk_core::settings::Settings;

use super::Cube;

/// The settings of a [`Cube`]. Each reaches every door; what is set here wins over the environment, which wins over files.
#[derive(Clone, Debug, Default)]
#[must_use = "call build"]
pub struct CubeBuilder {
    settings: Settings,
}

impl CubeBuilder {
    cube_sdk_core::settings_methods!();

    /// The cube. Opens nothing and reads nothing.
    pub fn build(self) -> Cube {
        Cube::new(self.settings)
    }
}
