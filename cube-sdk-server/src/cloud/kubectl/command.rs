//! One command, read against the list of what is served, and written anew for kubectl.
//!
//! kubectl never sees the caller's own words for a flag: each is found in the list and written as `--long=value`, so that
//! there is no second reading of a line.

use super::Refused;
use super::verbs::{Flag, Takes, VERBS, Verb};
use super::words;

/// What kubectl is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Command {
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// How its output is read.
    pub(crate) output: Output,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Output {
    Text,
    /// JSON, to be shown as such.
    Json,
    /// JSON, to be shown as YAML.
    Yaml,
}

struct Given {
    flag: &'static Flag,
    value: Option<String>,
}

impl Command {
    /// Reads a line without the leading word `kubectl`, which is dropped when it is there.
    pub(crate) fn read(line: &str) -> Result<Self, Refused> {
        let mut words = words::split(line)?;
        if words.first().is_some_and(|word| word == "kubectl") {
            words.remove(0);
        }
        let verb = verb_of(&words)?;
        let (given, arguments) = sort(verb, &words[verb.words.len()..])?;
        verb.check(&given, &arguments)?;
        let output =
            match given.iter().find(|given| given.flag.long == "output").and_then(|given| given.value.as_deref()) {
                Some("json") => Output::Json,
                Some("yaml") => Output::Yaml,
                _ => Output::Text,
            };
        Ok(Self { arguments: verb.written(&given, arguments), output })
    }
}

fn verb_of(words: &[String]) -> Result<&'static Verb, Refused> {
    let is_called = |verb: &&Verb| words.len() >= verb.words.len() && verb.words.iter().zip(words).all(|(a, b)| a == b);
    VERBS.iter().find(is_called).ok_or_else(|| {
        let mut served: Vec<_> = VERBS.iter().map(|verb| verb.words.join(" ")).collect();
        served.dedup();
        let asked = words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ");
        Refused(format!("`{asked}` is not served; these are: {}", served.join(", ")))
    })
}

/// Flags and arguments of the words after the verb.
fn sort(verb: &'static Verb, words: &[String]) -> Result<(Vec<Given>, Vec<String>), Refused> {
    let (mut given, mut arguments) = (Vec::<Given>::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, value) = if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            (verb.flags.iter().find(|flag| flag.long == name), value)
        } else if let Some(short) = word.strip_prefix('-') {
            let mut letters = short.chars();
            let letter = letters.next();
            let flag = verb.flags.iter().find(|flag| flag.short.is_some() && flag.short == letter);
            let rest = letters.as_str();
            (flag, Some(rest.strip_prefix('=').unwrap_or(rest)).filter(|_| !rest.is_empty()))
        } else {
            arguments.push(word.clone());
            continue;
        };
        let Some(flag) = flag else {
            return Err(Refused(format!("the flag `{word}` is not served with `{}`", verb.words.join(" "))));
        };
        if given.iter().any(|given| given.flag.long == flag.long) {
            return Err(Refused(format!("`--{}` stands there twice", flag.long)));
        }
        let value = match (flag.takes, value) {
            (Takes::Nothing, value) => value.map(str::to_owned),
            (_, Some(value)) => Some(value.to_owned()),
            (_, None) => {
                Some(words.next().cloned().ok_or_else(|| Refused(format!("`--{}` wants a value", flag.long)))?)
            }
        };
        given.push(Given { flag, value: flag.takes.checked(flag.long, value)? });
    }
    Ok((given, arguments))
}

impl Takes {
    fn checked(self, name: &str, value: Option<String>) -> Result<Option<String>, Refused> {
        let refused = |why: String| Err(Refused(format!("`--{name}`: {why}")));
        let text = value.as_deref().unwrap_or_default();
        match self {
            Self::Nothing if matches!(value.as_deref(), None | Some("true" | "false")) => Ok(value),
            Self::Nothing => refused("it is true or false".to_owned()),
            Self::Text if is_plain(text, " =!()") => Ok(value),
            Self::Text => refused(format!("`{text}` is no name or selector")),
            Self::Number(most) if text.parse::<u32>().is_ok_and(|number| number <= most) => Ok(value),
            Self::Number(most) => refused(format!("it is a whole number up to {most}")),
            Self::OneOf(words) if words.contains(&text) => Ok(value),
            Self::OneOf(words) => refused(format!("one of {} is served", words.join(", "))),
        }
    }
}

/// Letters, digits and what stands in names of Kubernetes; never an option, a path upwards, or a template.
fn is_plain(text: &str, besides: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._/:,".contains(c) || besides.contains(c);
    !text.is_empty() && !text.starts_with('-') && !text.contains("..") && text.chars().all(fits)
}

impl Verb {
    fn check(&self, given: &[Given], arguments: &[String]) -> Result<(), Refused> {
        let (least, most) = self.arguments;
        let name = self.words.join(" ");
        if !(least..=most).contains(&arguments.len()) {
            return Err(Refused(format!("`{name}` has {least} to {most} arguments here, not {}", arguments.len())));
        }
        let besides = if self.words == ["auth", "can-i"] { "*" } else { "" };
        if let Some(odd) = arguments.iter().find(|argument| !is_plain(argument, besides)) {
            return Err(Refused(format!("`{odd}` is no name of a resource")));
        }
        let reads_objects = ["get", "describe"].contains(&self.words[0]);
        if reads_objects && arguments.iter().any(|argument| argument.starts_with(['/', ':', '.'])) {
            return Err(Refused("paths are not served: name a resource".to_owned()));
        }
        if self.words == ["get"] && arguments.iter().any(|argument| names_secrets(argument)) {
            let shown = |given: &Given| match given.flag.long {
                "output" => matches!(given.value.as_deref(), Some("wide" | "name")),
                "sort-by" => given.value.as_deref() != Some(".lastTimestamp"),
                _ => true,
            };
            if !given.iter().all(shown) {
                return Err(Refused("secrets are shown as a table or by name only, without their values".to_owned()));
            }
        }
        Ok(())
    }

    fn written(&self, given: &[Given], arguments: Vec<String>) -> Vec<String> {
        let mut written: Vec<String> = self.words.iter().map(|word| (*word).to_owned()).collect();
        written.extend(self.always.iter().map(|word| (*word).to_owned()));
        for given in given {
            let name = given.flag.long;
            written.push(match given.value.as_deref() {
                None => format!("--{name}"),
                // YAML is read as JSON and written anew once it is masked.
                Some("yaml") if name == "output" => format!("--{name}=json"),
                Some(value) => format!("--{name}={value}"),
            });
        }
        let has_tail = given.iter().any(|given| given.flag.long.starts_with("tail"));
        if self.words == ["logs"] && !has_tail {
            written.push("--tail=500".to_owned());
        }
        written.extend(arguments);
        written
    }
}

/// Does this name secrets, in any of the forms that kubectl reads: `secret`, `Secrets`, `secrets.v1.`, `secret/name`,
/// `pods,secrets`?
fn names_secrets(argument: &str) -> bool {
    argument.split(',').any(|part| {
        let kind = part.split(['/', '.']).next().unwrap_or_default();
        ["secret", "secrets"].iter().any(|word| kind.eq_ignore_ascii_case(word))
    })
}
