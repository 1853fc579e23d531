//! A failed command: one line for people or a document for programs, on stderr, and the exit code of its kind.

use std::process::ExitCode;

use cube_sdk::{Error, ErrorKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::Output;

/// Why a command failed.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct Failure {
    /// What can be done about it: `NotFound`, `Unauthenticated`, …
    kind: String,
    /// The whole story in one line.
    message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
    /// The code of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// What to quote to support.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The exit code of the process.
    exit_code: u8,
}

/// Tells why a command failed.
pub(crate) fn tell(error: &anyhow::Error, output: &Output) -> ExitCode {
    let own = error.downcast_ref::<Error>();
    let message = format!("{error:#}");
    let failure = Failure {
        kind: own.map_or("Other", |error| error.kind().name()).to_owned(),
        message,
        next_step: own.and_then(Error::next_step).map(str::to_owned),
        code: own.and_then(Error::code).map(str::to_owned),
        request_id: own.and_then(Error::request_id).map(str::to_owned),
        exit_code: own.map_or(1, |error| error.kind().exit_code()),
    };
    if broken_pipe(error) {
        // Whoever read has seen enough.
        return ExitCode::SUCCESS;
    }
    output.failed(&failure.message, &failure);
    ExitCode::from(failure.exit_code)
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A refusal of what was typed.
pub(crate) fn refused(words: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, words)
}
