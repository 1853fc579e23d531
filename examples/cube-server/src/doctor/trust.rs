//! Whom the service would trust at TLS.

use cube_sdk_core::config::Environment;
use cube_sdk_core::settings::Settings;
use cube_sdk_core::{Error, ErrorKind};

use super::Finding;

pub(super) fn look(environment: &Environment) -> Finding {
    let own = Settings::new().environment(environment.clone()).ground()?.roots().iter().len();
    let found = rustls_native_certs::load_native_certs();
    let system = found.certs.len();
    let faults: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
    if system + own == 0 {
        let why = if faults.is_empty() { String::new() } else { format!(" ({})", faults.join("; ")) };
        return Err(Error::new(
            ErrorKind::Config,
            format!("this machine trusts nobody: no TLS server is reached{why}"),
        )
        .advice("install the system's CA certificates (`ca-certificates`), or name a PEM file with CUBE_CA_FILE")
        .into());
    }
    let mut words = format!("{system} authorities of the system");
    if own > 0 {
        words += &format!(", {own} of CUBE_CA_FILE");
    }
    if !faults.is_empty() {
        words += &format!("; not read: {}", faults.join("; "));
    }
    Ok(words)
}
