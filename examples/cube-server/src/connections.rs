//! The options that limit connections.

use std::time::Duration;

use clap::Args;
use cube_sdk_server::listener::Limits;

/// Times count while the server waits for the peer, never while it works itself.
#[derive(Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct Connections {
    /// How many there may be. Beyond it strangers go first, then who has rested longest.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = at_least_one)]
    max_connections: usize,
    /// How many of them one address may have; behind a proxy set it to --max-connections.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    max_connections_per_client: usize,
    /// How many requests of one HTTP/2 connection are served at once.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    max_streams: u32,
    /// Seconds from connecting to the end of the first request's head.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    head_timeout: u64,
    /// Seconds without a request under way.
    #[arg(long, value_name = "SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..))]
    idle_timeout: u64,
    /// Seconds within which a request's body must bring --body-least bytes or its end.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    body_timeout: u64,
    /// Bytes that a request's body must bring within each --body-timeout.
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..))]
    body_least: u64,
    /// Seconds within which the peer must take something of its answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    answer_timeout: u64,
    /// Seconds after which a silent peer is asked whether it is there.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    keep_alive: u64,
}

impl Connections {
    pub(crate) fn limits(&self) -> Limits {
        Limits::default()
            .connections(self.max_connections)
            .per_client(self.max_connections_per_client)
            .streams(self.max_streams)
            .head(Duration::from_secs(self.head_timeout))
            .idle(Duration::from_secs(self.idle_timeout))
            .body(Duration::from_secs(self.body_timeout), self.body_least)
            .answer(Duration::from_secs(self.answer_timeout))
            .keep_alive(Duration::from_secs(self.keep_alive))
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        connections: Connections,
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let limits = Program::try_parse_from(["p"]).unwrap().connections.limits();
        assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()));
    }

    #[test]
    fn nothing_may_be_zero() {
        for option in ["--max-connections", "--max-streams", "--head-timeout", "--keep-alive", "--body-least"] {
            assert!(Program::try_parse_from(["p", option, "0"]).is_err(), "{option}");
        }
    }
}
