//! What a container printed, and the part of it that a request asks for.

use std::time::Duration;

use cube_sdk_core::Timestamp;

/// Lines, each with the time at which it came.
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: Vec<(Timestamp, String)>,
    /// The last line has no end yet.
    open: bool,
}

impl Log {
    pub(super) fn add(&mut self, at: Timestamp, text: &str) {
        for piece in text.split_inclusive('\n') {
            match self.lines.last_mut().filter(|_| self.open) {
                Some((_, line)) => line.push_str(piece.trim_end_matches('\n')),
                None => self.lines.push((at, piece.trim_end_matches('\n').to_owned())),
            }
            self.open = !piece.ends_with('\n');
        }
    }

    /// The answer to these parameters: `tailLines`, `sinceSeconds`, `sinceTime`, `timestamps`, `limitBytes`. The error names
    /// the one that is none.
    pub(super) fn text(&self, query: impl Fn(&str) -> Option<String>, now: Timestamp) -> Result<String, String> {
        let number = |name: &str| match query(name) {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| format!("{name}: `{text}` is no number")),
        };
        let (tail, limit) = (number("tailLines")?, number("limitBytes")?);
        let since = match (number("sinceSeconds")?, query("sinceTime")) {
            (Some(_), Some(_)) => return Err("at most one of sinceTime or sinceSeconds may be specified".to_owned()),
            (Some(0), _) => return Err("sinceSeconds: must be greater than 0".to_owned()),
            (Some(seconds), None) => Some(now.saturating_sub(Duration::from_secs(seconds))),
            (None, Some(time)) => Some(time.parse::<Timestamp>().map_err(|_| format!("sinceTime: `{time}` is none"))?),
            (None, None) => None,
        };
        let stamped = match query("timestamps").as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(other) => return Err(format!("timestamps: `{other}` is neither true nor false")),
        };
        let lines: Vec<_> = self.lines.iter().filter(|(at, _)| since.is_none_or(|since| *at >= since)).collect();
        let from = tail.map_or(0, |tail| lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX)));
        let mut text = String::new();
        for (at, line) in &lines[from..] {
            match stamped {
                true => text.push_str(&format!("{at} {line}\n")),
                false => text.push_str(&format!("{line}\n")),
            }
        }
        if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit < text.len()) {
            let mut end = limit;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_parameter_takes_its_part() {
        let at = |second: i64| Timestamp::from_millisecond(second * 1000);
        let mut log = Log::default();
        log.add(at(10), "one\ntw");
        log.add(at(20), "o\nthree\n");
        let asked = |query: &'static [(&str, &str)]| {
            let of = |wanted: &str| query.iter().find(|(name, _)| *name == wanted).map(|(_, text)| (*text).to_owned());
            log.text(of, at(30))
        };
        assert_eq!(asked(&[]).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(asked(&[("tailLines", "2")]).unwrap(), "two\nthree\n");
        assert_eq!(asked(&[("tailLines", "0")]).unwrap(), "");
        assert_eq!(asked(&[("sinceSeconds", "15")]).unwrap(), "three\n");
        assert_eq!(asked(&[("sinceTime", "1970-01-01T00:00:11Z")]).unwrap(), "three\n");
        assert_eq!(asked(&[("tailLines", "1"), ("timestamps", "true")]).unwrap(), "1970-01-01T00:00:20Z three\n");
        assert_eq!(asked(&[("limitBytes", "5")]).unwrap(), "one\nt");
        for bad in [
            &[("tailLines", "-1")][..],
            &[("sinceSeconds", "0")],
            &[("sinceSeconds", "1"), ("sinceTime", "1970-01-01T00:00:11Z")],
            &[("sinceTime", "yesterday")],
            &[("timestamps", "maybe")],
            &[("limitBytes", "x")],
        ] {
            asked(bad).unwrap_err();
        }
    }
}
