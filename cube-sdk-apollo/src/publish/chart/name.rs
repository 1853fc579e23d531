//! Names and versions of charts, as helm takes them.

use cube_sdk_core::names::refused;
use cube_sdk_core::{Error, Result, text_id};
use semver::Version;

use crate::publish::PublishFault;

text_id! {
    /// The name of a chart: one path segment.
    ///
    /// helm takes spaces, upper case and other alphabets; a registry takes none of them, which is told when the chart is
    /// pushed.
    pub struct ChartName: check_name;

    /// The version of a chart: a semantic version, of which helm also takes `1`, `1.2` and `v1.2.3`.
    ///
    /// ```
    /// use cube_sdk_apollo::publish::{Bump, ChartVersion};
    ///
    /// let version = ChartVersion::parse("1.4.2+build.7")?;
    /// assert_eq!(version.bumped(Bump::Minor)?.as_str(), "1.5.0");
    /// assert_eq!(version.tag(), "1.4.2_build.7"); // a tag has no `+`: helm's rule
    /// assert_eq!(ChartVersion::parse("2.0.0-rc.1")?.bumped(Bump::Patch)?.as_str(), "2.0.0");
    /// assert!(ChartVersion::parse("1.2.3.4").is_err());
    /// # Ok::<(), cube_sdk_core::Error>(())
    /// ```
    pub struct ChartVersion: check_version;
}

/// Which part of a version grows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Bump {
    /// `1.2.3` becomes `1.2.4`; a pre-release becomes its release.
    #[default]
    Patch,
    /// `1.2.3` becomes `1.3.0`.
    Minor,
    /// `1.2.3` becomes `2.0.0`.
    Major,
}

fn check_name(text: &str) -> Result<()> {
    let why = if text.is_empty() {
        return Err(PublishFault::MissingField("name").refuse("the chart has no name"));
    } else if text.contains(['/', '\\']) || matches!(text, "." | "..") {
        "it must be one path segment"
    } else if text.contains(char::is_control) {
        "it holds control characters"
    } else {
        return Ok(());
    };
    Err(refused("chart name", text, why).with_fault(PublishFault::BadField("name".to_owned())))
}

fn check_version(text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(PublishFault::MissingField("version").refuse("the chart has no version"));
    }
    if is_version(text) {
        return Ok(());
    }
    Err(refused("chart version", text, "it is no semantic version")
        .with_fault(PublishFault::BadField("version".to_owned()))
        .advice("write it like 1.2.3 or 1.2.3-rc.1"))
}

/// What helm reads: up to three numbers behind a `v`, the rest as semver has it.
fn is_version(text: &str) -> bool {
    let body = text.strip_prefix('v').unwrap_or(text);
    let (body, build) = split(body, '+');
    let (core, pre) = split(body, '-');
    let numbers: Vec<_> = core.split('.').collect();
    let number = |part: &&str| part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u64>().is_ok();
    let rest = |part: Option<&str>, is_pre: bool| {
        part.is_none_or(|part| {
            part.split('.').all(|id| {
                let digits = id.bytes().all(|b| b.is_ascii_digit());
                !id.is_empty()
                    && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !(is_pre && digits && id.len() > 1 && id.starts_with('0'))
            })
        })
    };
    numbers.len() <= 3 && numbers.iter().all(number) && rest(pre, true) && rest(build, false)
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

impl ChartVersion {
    /// The next version.
    ///
    /// # Errors
    /// `InvalidInput` for one that is not three numbers, which has no next.
    pub fn bumped(&self, bump: Bump) -> Result<Self> {
        let none = |_: semver::Error| -> Error {
            refused("chart version", self.as_str(), "it is not of the form 1.2.3, so it has no next one")
                .with_fault(PublishFault::BadField("version".to_owned()))
                .advice("give the new version in full")
        };
        let v = Version::parse(self.as_str()).map_err(none)?;
        let pre = !v.pre.is_empty();
        let grown = |n: u64| n.checked_add(1).unwrap_or(n);
        let next = match bump {
            Bump::Patch if pre => Version::new(v.major, v.minor, v.patch),
            Bump::Patch => Version::new(v.major, v.minor, grown(v.patch)),
            Bump::Minor if pre && v.patch == 0 => Version::new(v.major, v.minor, 0),
            Bump::Minor => Version::new(v.major, grown(v.minor), 0),
            Bump::Major if pre && v.minor == 0 && v.patch == 0 => Version::new(v.major, 0, 0),
            Bump::Major => Version::new(grown(v.major), 0, 0),
        };
        let next = Self(next.to_string().into());
        if next == *self {
            return Err(refused("chart version", self.as_str(), "there is none after it"));
        }
        Ok(next)
    }

    /// The tag that the version has in a registry: `+` becomes `_`, as helm has it.
    pub fn tag(&self) -> String {
        self.as_str().replace('+', "_")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn versions_are_taken_as_helm_takes_them() {
        // Each as `helm package` of both majors said.
        for good in ["01.2.3", "1.02.3", "1.2.3+01", "1.2-rc.1", "1-2", "v1", "1", "1.2", "v1.2.3", "1.2.3-a-b+c-d"] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "1.2.3-01",
            "1.2.3.4",
            "1.2.3-",
            "V1.2.3",
            "1.2.3-a..b",
            "1.2.3+",
            "1.2.3 ",
            " 1",
            "18446744073709551616.0.0",
            "1.2.3-rc_1",
            "vv1",
            "",
            "v",
            "latest",
            "1..2",
            "1.2.x",
            "+1",
            "1.2.3+a+b",
            "1.2.3-ä",
            "١.2.3",
        ] {
            assert!(!is_version(bad), "{bad}");
            assert!(ChartVersion::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bumps() {
        let next = |text: &str, bump| ChartVersion::parse(text).unwrap().bumped(bump).map(String::from);
        for (text, patch, minor, major) in [
            ("1.2.3", "1.2.4", "1.3.0", "2.0.0"),
            ("0.0.9", "0.0.10", "0.1.0", "1.0.0"),
            ("1.2.3-rc.1", "1.2.3", "1.3.0", "2.0.0"),
            ("1.3.0-rc.1", "1.3.0", "1.3.0", "2.0.0"),
            ("2.0.0-rc.1", "2.0.0", "2.0.0", "2.0.0"),
            ("1.2.3+b", "1.2.4", "1.3.0", "2.0.0"),
        ] {
            assert_eq!(next(text, Bump::Patch).unwrap(), patch, "{text}");
            assert_eq!(next(text, Bump::Minor).unwrap(), minor, "{text}");
            assert_eq!(next(text, Bump::Major).unwrap(), major, "{text}");
        }
        for none in ["1.2", "v1.2.3", "1", "01.2.3", "18446744073709551615.0.0"] {
            assert!(next(none, Bump::Major).is_err(), "{none}");
        }
    }

    #[test]
    fn names_are_one_segment() {
        for good in ["a", "A_b", "a b", "ünï café", "a:b", "..."] {
            assert!(ChartName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "..", ".", "a/b", "a\\b", "../x", "/x", "a\0", "a\nb"] {
            assert!(ChartName::parse(bad).is_err(), "{bad}");
        }
    }
}
