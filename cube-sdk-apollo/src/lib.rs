//! Typed client for Palantir Apollo, part of cube-sdk
