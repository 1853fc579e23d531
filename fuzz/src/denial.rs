//! Of the storage half: the reader of AWS's refusals.

#[path = "../../cube-sdk-byo/src/session/failure/denial.rs"]
mod read;

pub fn is_bare(message: &str) -> bool {
    read::is_bare(message)
}

pub fn action(message: &str) -> Option<&str> {
    read::action(message)
}

pub fn policy(message: &str) -> Option<&str> {
    read::policy(message)
}
