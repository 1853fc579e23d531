//! The settings of a cube: the same for every door.

use cube_sdk_core::settings::Settings;

use super::Cube;

/// The settings of a [`Cube`]. Each reaches every door; what is set here wins over the environment, which wins over files.
///
/// ```
/// use std::time::Duration;
///
/// use cube_sdk::core::config::Environment;
/// use cube_sdk::prelude::*;
///
/// let cube = Cube::builder()
///     .environment(Environment::from_pairs([("CUBE_CLOUD_URL", "https://cube.example")])) // else the process's
///     .connect_timeout(Duration::from_secs(4))
///     .application("fleet-report", "1.4.0")
///     .build(); // opens nothing
/// assert!(cube.describe()?.iter().any(|setting| setting.to_string().contains("fleet-report")));
/// # Ok::<(), Error>(())
/// ```
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
