//! What can be done next. Each program names it in its own words: a tool's name, a command line.

/// What can be done next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Register a bucket.
    RegisterBucket,
    /// Probe the grant.
    CheckGrant,
    /// Register an object of the bucket.
    RegisterArtifact,
    /// Run a pipeline.
    RunGate,
    /// Look at a run.
    CheckRun {
        /// Its workspace.
        workspace: String,
        /// Its id.
        run: String,
    },
    /// Read on where a page ended.
    ReadOn {
        /// Where that is.
        cursor: i64,
    },
    /// Stop a tunnel.
    StopTunnel {
        /// The app that it leads to.
        app: String,
    },
}
