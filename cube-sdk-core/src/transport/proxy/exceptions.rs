//! `NO_PROXY` in the form that the matcher takes.
//!
//! What users write and the matcher does not know is rewritten: white space between entries, `*` for addresses too,
//! `*.domain`, names with a last dot or in other letters than ASCII, brackets, ports.

use std::collections::BTreeMap;

use url::Host;

use crate::config::address_of;

/// Lists for the matcher.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    /// Holds for every port.
    pub(super) every_port: String,
    /// For the ports that entries name: those entries and those for every port.
    pub(super) by_port: BTreeMap<u16, String>,
}

impl Exceptions {
    pub(super) fn read(list: &str) -> Self {
        let mut found = Self::default();
        let mut with_port = Vec::new();
        for entry in list.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty()) {
            let (host, port) = split_port(entry);
            match port {
                None => push(&mut found.every_port, &host),
                Some(port) => with_port.push((port, host)),
            }
        }
        for (port, host) in with_port {
            push(found.by_port.entry(port).or_insert_with(|| found.every_port.clone()), &host);
        }
        found
    }
}

fn push(list: &mut String, entry: &str) {
    list.push_str(entry);
    list.push(',');
}

/// `host`, `host:port`, `address`, `[address]:port`, `network/bits`.
fn split_port(entry: &str) -> (String, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
        let rest = if port.is_some() { "" } else { rest };
        return (host_form(&format!("{address}{rest}")), port);
    }
    match entry.split_once(':') {
        // More than one colon is an IPv6 address.
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host_form(host), Some(port)),
            Err(_) => (host_form(entry), None),
        },
        _ => (host_form(entry), None),
    }
}

fn host_form(host: &str) -> String {
    if host == "*" {
        return "*,0.0.0.0/0,::/0".to_owned();
    }
    if let Some(address) = address_of(host) {
        return address.to_string();
    }
    // A network has its own form; a name with a star in front means what a leading dot means.
    if host.contains('/') {
        return host.to_owned();
    }
    let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    let (dot, name) = name.strip_prefix('.').map_or(("", name), |rest| (".", rest));
    let name = name.strip_suffix('.').unwrap_or(name);
    match Host::parse(name) {
        Ok(Host::Domain(ascii)) => format!("{dot}{ascii}"),
        Ok(Host::Ipv4(address)) => address.to_string(),
        _ => format!("{dot}{name}"),
    }
}
