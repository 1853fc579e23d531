//! What is wrong with a chart, a context or a registry's answer, for programs.

use cube_sdk_core::{Error, ErrorKind};

/// Why something cannot be published, for programs; the error's line says it for people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PublishFault {
    /// There is no Chart.yaml, or several to choose from.
    NoChart,
    /// A file of the chart is no YAML or JSON of the kind that it should be.
    Unreadable {
        /// The file, relative to the chart.
        file: String,
    },
    /// A key stands twice in one mapping of Chart.yaml.
    RepeatedKey(String),
    /// A field that every chart has is missing or empty.
    MissingField(&'static str),
    /// A field of Chart.yaml has a value that it cannot have.
    BadField(String),
    /// A rule of an ignore file cannot be used.
    BadRule {
        /// The line of the file, from 1.
        line: usize,
    },
    /// A dependency that Chart.yaml names is not under `charts/`.
    MissingDependency(String),
    /// Something under `charts/` is no chart.
    BadSubchart(String),
    /// Symbolic links lead in a circle.
    LinkLoop,
    /// A symbolic link leads nowhere.
    BrokenLink,
    /// A path leads out of where it may be.
    Escape,
    /// A device, socket or pipe, which no package holds.
    Irregular,
    /// More bytes than may be packed.
    TooLarge {
        /// The most, in bytes.
        limit: u64,
    },
    /// What the registry holds is not what was packed.
    Differs,
    /// The version or tag is taken by something else.
    Taken,
    /// The image was not built: a program or the builder failed.
    BuildFailed,
}

/// Reads the [`PublishFault`] inside an error.
///
/// ```
/// use cube_sdk_apollo::publish::{Chart, PublishErrorExt, PublishFault};
/// let error = Chart::find(Some("/nonexistent".as_ref())).unwrap_err();
/// assert_eq!(error.publish_fault(), Some(&PublishFault::NoChart));
/// ```
pub trait PublishErrorExt {
    /// What is wrong, when it is something about publishing.
    fn publish_fault(&self) -> Option<&PublishFault>;
}

impl PublishErrorExt for Error {
    fn publish_fault(&self) -> Option<&PublishFault> {
        self.fault()
    }
}

impl PublishFault {
    /// The refusal of what was given, before anything is sent.
    pub(crate) fn refuse(self, words: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, words).with_fault(self)
    }
}
