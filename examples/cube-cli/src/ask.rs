//! What is asked of the person at the terminal: a confirmation, a secret.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, Result};
use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk::{Error, ErrorKind, SecretString};

/// The most that is read of a secret.
const LONGEST: u64 = 1 << 20;

/// Asks that `name` be typed before `what` is done. Without a terminal only `--yes` will do.
pub(crate) fn confirm(what: &str, name: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let words = format!("this {what}, and nobody can be asked: there is no terminal");
        return Err(Error::new(ErrorKind::InvalidInput, words).advice("give --yes where you mean it").into());
    }
    let mut err = std::io::stderr().lock();
    write!(err, "This {what}.\nType {name} to go on: ")?;
    err.flush()?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).context("reading the terminal")?;
    if typed.trim() == name {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Cancelled, format!("nothing was done: {name} was not typed")).into())
}

/// A secret: asked for at a terminal without showing it, else all of standard input but a last line end.
pub(crate) fn secret(prompt: &str) -> Result<SecretString> {
    let secret = if std::io::stdin().is_terminal() {
        SecretString::from(rpassword::prompt_password(format!("{prompt}: ")).context("reading the terminal")?)
    } else {
        let text = piped()?;
        let text = text.expose_secret();
        SecretString::from(text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text)))
    };
    if secret.expose_secret().trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{prompt}: nothing was given")).into());
    }
    Ok(secret)
}

/// Secrets by key: each asked for at a terminal, else a JSON object of texts on standard input with exactly these keys.
pub(crate) fn secrets(keys: &[String]) -> Result<Vec<(String, SecretString)>> {
    if std::io::stdin().is_terminal() {
        return keys.iter().map(|key| Ok((key.clone(), secret(key)?))).collect();
    }
    let refused = |words: String| {
        Error::new(ErrorKind::InvalidInput, words).advice(r#"pipe in one JSON object of texts, such as {"user":"…"}"#)
    };
    let text = piped()?;
    let parsed: Result<std::collections::BTreeMap<String, SecretString>, _> =
        serde_json::from_str(text.expose_secret());
    // Its words could hold a part of a secret.
    let mut found = parsed.map_err(|_| refused("standard input is no JSON object of texts".to_owned()))?;
    let mut out = Vec::new();
    for key in keys {
        let value = found.remove(key).ok_or_else(|| refused(format!("standard input has no key {key}")))?;
        out.push((key.clone(), value));
    }
    match found.keys().next() {
        Some(key) => Err(refused(format!("standard input has the key {key}, which no --key names")).into()),
        None => Ok(out),
    }
}

fn piped() -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().take(LONGEST + 1).read_to_string(&mut text).context("reading standard input")?;
    let text = SecretString::from(text);
    if text.expose_secret().len() as u64 > LONGEST {
        return Err(Error::new(ErrorKind::InvalidInput, "standard input has more than 1 MiB").into());
    }
    Ok(text)
}
