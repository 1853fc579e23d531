//! A subchart that lies packed under `charts/`: its files, with helm's checks of their paths.

use std::io::Read as _;

use cube_sdk_core::{Error, Result};
use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::content::Content;
use super::{Found, LIMIT};
use crate::publish::PublishFault;

/// The files of an archive, without the folder that they all lie in. `shown` names it in errors.
pub(super) fn unpack(bytes: &[u8], shown: &str) -> Result<Vec<Found>> {
    let bad = |why: String| PublishFault::BadSubchart(shown.to_owned()).refuse(format!("{shown} is no chart: {why}"));
    let unreadable = |cause: std::io::Error| bad("it cannot be unpacked".to_owned()).cause(cause);
    let mut archive = Archive::new(MultiGzDecoder::new(bytes).take(LIMIT.saturating_mul(2)));
    let mut found = Vec::new();
    let mut left = LIMIT;
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let kind = entry.header().entry_type();
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| bad("a name is not UTF-8".into()))?;
        if kind == EntryType::Directory || name.ends_with('/') || kind == EntryType::XGlobalHeader {
            continue;
        }
        let place = inner(&name).map_err(|why| escape(shown, &name, why))?;
        let mut bytes = Vec::new();
        if entry.size() > left {
            return Err(super::too_large(&format!("{shown}/{place}")));
        }
        entry.by_ref().take(left.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        left = left.saturating_sub(bytes.len() as u64);
        found.push(Found { place, content: Content::unpacked(&bytes) });
    }
    if found.is_empty() {
        return Err(bad("it holds no file".to_owned()));
    }
    Ok(found)
}

fn escape(shown: &str, name: &str, why: &str) -> Error {
    PublishFault::Escape.refuse(format!("{shown} holds `{}`, which {why}", name.escape_debug()))
}

/// The path below the first folder.
fn inner(name: &str) -> std::result::Result<String, &'static str> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (first, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    if first == "Chart.yaml" {
        return Err("lies outside of the chart's folder");
    }
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err("is absolute");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err("leads out of the chart");
                }
            }
            part => parts.push(part),
        }
    }
    let clean = parts.join("/");
    let drive = |bytes: &[u8]| matches!(bytes, [letter, b':', b'/', ..] if letter.is_ascii_alphabetic());
    match clean.as_str() {
        "" => Err("lies outside of the chart's folder"),
        clean if clean.starts_with("..") => Err("leads out of the chart"),
        clean if drive(clean.as_bytes()) => Err("names a drive"),
        _ => Ok(clean),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::inner;

    #[test]
    fn paths_are_those_that_helm_takes() {
        for (name, place) in [
            ("a/Chart.yaml", "Chart.yaml"),
            ("./a/Chart.yaml", "a/Chart.yaml"),
            ("a/x/../y", "y"),
            ("a/./x//y", "x/y"),
            ("a\\x\\y", "x/y"),
        ] {
            assert_eq!(inner(name).unwrap(), place, "{name}");
        }
        for bad in
            ["Chart.yaml", "a", "a/", "a/../b", "a/../../b", "a//etc/passwd", "/etc/passwd/../..", "a/c:/x", "a/..x"]
        {
            assert!(inner(bad).is_err(), "{bad}");
        }
    }
}
