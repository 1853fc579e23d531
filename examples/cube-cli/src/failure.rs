//! A failed command: a line for people or a document for programs, on stderr, and the exit code of its kind.

use std::process::ExitCode;

use cube_render::View as _;
use cube_render::errors::Failure;
use cube_sdk::{Error, ErrorKind};

use crate::output::Output;

/// Tells why a command failed.
pub(crate) fn tell(error: &anyhow::Error, output: &Output) -> ExitCode {
    if broken_pipe(error) {
        // Whoever read has seen enough.
        return ExitCode::SUCCESS;
    }
    let failure = match error.downcast_ref::<Error>() {
        // A tool says in its own words what to do next, which is more than its kind tells.
        Some(own) if own.next_step().is_none() && own.message().contains("next: ") => {
            Failure { next: None, ..Failure::from(own) }
        }
        Some(own) => Failure::from(own),
        // Of this program itself: what it could not read or write.
        None => Failure { exit_code: 1, ..Failure::new(ErrorKind::Io, format!("{error:#}"), None) },
    };
    output.failed(&failure.text(), &failure);
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
