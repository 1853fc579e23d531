//! Copying an environment: plan first, then apply.
