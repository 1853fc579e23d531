//! Config texts as people write them, by seed, and changes as people make them.
//!
//! ```
//! use cube_sdk_testkit::apollo::people;
//! assert_eq!(people::config_text(7), people::config_text(7));
//! let places = people::scalars(&serde_json::json!({"a": [1, {"b/c": null}]}));
//! assert_eq!(places, ["/a/0", "/a/1/b~1c"]);
//! ```

use fastrand::Rng;
use serde_json::Value;

const KEYS: &[&str] = &[
    "replicas",
    "image",
    "tag",
    "enabled",
    "port",
    "host",
    "mode",
    "accountId",
    "version",
    "schedule",
    "timeout",
    "labels",
    "annotations",
    "resources",
    "limits",
    "cpu",
    "memory",
    "env",
    "args",
    "ingress",
    "tls",
    "nodeSelector",
    "tolerations",
    "prometheus.io/scrape",
    "app.kubernetes.io/name",
    "logLevel",
    "retries",
    "zip",
    "start",
    "flags",
    "8080",
    "\"quoted key\"",
    "'single'",
    "with space",
    "on",
    "snake_case",
    "x-y",
    "größe",
    "1.10",
    "0640",
    "\"yes\"",
];

const SCALARS: &[&str] = &[
    "1",
    "3",
    "-7",
    "8080",
    "0400",
    "0644",
    "0o755",
    "08901",
    "00501",
    "123456789012",
    "012345678901",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1.10",
    "1.2.3",
    "v1.30.1",
    "2.0",
    "0.5",
    ".5",
    "-.5",
    "1e3",
    "1.5e-7",
    "1.5e+3",
    "6.02E23",
    "1_000",
    "0x1F",
    "0b101",
    "1:30",
    "23:59:59",
    "2024-02-29",
    "2024-02-29T12:00:00Z",
    "true",
    "false",
    "True",
    "yes",
    "no",
    "Yes",
    "on",
    "off",
    "OFF",
    "y",
    "n",
    "~",
    "null",
    "NULL",
    "100m",
    "2Gi",
    "30s",
    "5m30s",
    "nginx:1.25",
    "registry.example.com/team/app:1.10",
    "https://example.com/a?b=c#d",
    "10.0.0.0/16",
    "a b c",
    "it's",
    "say \"hi\"",
    "C:\\path",
    "user@example.com",
    "*.example.com",
    "--flag=value",
    "-x",
    "${HOME}/bin",
    "grüße 🦀",
    "<none>",
    "a:b",
    "a#b",
    "50%",
    "=",
    "key=value",
    "(x)",
    "1,000",
    "+1",
    "1.",
    "INFO",
    "*/5 * * * *",
    "@daily",
    "{{ .Values.x }}",
    "&amp",
    "!important",
    "|",
    ">",
    "- x",
    "? y",
    "%d",
    "`cmd`",
    "a: b",
    "x #y",
    "",
    " padded ",
    "tab\there",
    "line\nbreak",
    "\u{1F600}",
    "nul\\0",
    "e\u{301}",
];

const LINES: &[&str] = &[
    "server {",
    "  listen 80;",
    "}",
    "-----BEGIN CERTIFICATE-----",
    "MIIB+zCCAWQCCQDX/3g=",
    "-----END CERTIFICATE-----",
    "# not a comment",
    "key: value",
    "\tindented by a tab",
    "trailing blanks  ",
    "a: |",
    "- item",
    "'quoted'",
    "\"x\"",
    "grüße",
    "export PATH=$PATH:/opt",
    "if [ -f x ]; then",
    "  echo \"y\"",
    "fi",
    "---x",
    "",
];

/// A config block: comments, quotes, block scalars, brackets, and now and then an anchor, CRLF, a byte order mark.
pub fn config_text(seed: u64) -> String {
    let mut writer = Writer { rng: Rng::with_seed(seed), out: String::new(), step: 2, names: 0, anchored: false };
    writer.text()
}

struct Writer {
    rng: Rng,
    out: String,
    step: usize,
    names: usize,
    anchored: bool,
}

impl Writer {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(..of.len())]
    }

    fn odds(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    fn text(&mut self) -> String {
        self.step = [2, 2, 2, 4, 3][self.rng.usize(..5)];
        self.anchored = self.odds(2);
        if self.odds(10) {
            self.out.push_str("---\n");
        }
        self.comment_lines(0);
        let label = self.one(&["17.0.0", "1.10", "\"1.10\"", "'2.0'", "0.0.0", "4.11.3-rc1"]);
        self.out.push_str(label);
        self.out.push(':');
        self.line_end();
        self.pad(self.step);
        self.out.push_str("overrides:");
        self.line_end();
        if self.anchored {
            self.pad(2 * self.step);
            self.out.push_str("defaults: &defaults {cpu: 100m, memory: 1Gi}\n");
        }
        self.mapping(2 * self.step, 3);
        if self.odds(10) {
            self.out.push_str("# the end");
        }
        let mut text = std::mem::take(&mut self.out);
        if self.odds(10) && !text.ends_with("\n\n") {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.odds(15) {
            text = text.replace('\n', "\r\n");
        }
        if self.odds(5) {
            text.insert(0, '\u{feff}');
        }
        text
    }

    fn pad(&mut self, column: usize) {
        self.out.extend(std::iter::repeat_n(' ', column));
    }

    /// The rest of a line: nothing, blanks, or a comment.
    fn line_end(&mut self) {
        let end = match self.rng.u8(..12) {
            0 => "  ",
            1 => " # why",
            2 => "   #\ttab: in a comment",
            _ => "",
        };
        self.out.push_str(end);
        self.out.push('\n');
    }

    fn comment_lines(&mut self, column: usize) {
        match self.rng.u8(..14) {
            0 => self.out.push('\n'),
            1 => {
                self.pad(column);
                self.out.push_str("# note: see \"docs\"\n");
            }
            2 => self.out.push_str("\n#old: 1\n"),
            _ => {}
        }
    }

    fn mapping(&mut self, column: usize, depth: usize) {
        let mut used = Vec::new();
        for at in 0..self.rng.usize(1..6) {
            let key = self.one(KEYS);
            if used.contains(&key) {
                continue;
            }
            used.push(key);
            if at > 0 {
                self.comment_lines(column);
                self.pad(column);
            } else if self.out.ends_with('\n') {
                self.pad(column);
            }
            if at == 0 && self.anchored && self.odds(40) {
                self.out.push_str("<<: *defaults\n");
                self.pad(column);
            }
            self.out.push_str(key);
            self.out.push(':');
            self.value(column, depth);
        }
    }

    /// What follows a colon or a dash, to the end of its last line.
    fn value(&mut self, column: usize, depth: usize) {
        match self.rng.u8(..20) {
            0..=2 if depth > 0 => {
                self.line_end();
                self.mapping(column + self.step, depth - 1);
            }
            3..=4 if depth > 0 => {
                self.line_end();
                let column = if self.odds(50) { column + self.step } else { column };
                self.list(column, depth - 1);
            }
            5 => {
                let collection = self.brackets(2);
                self.out.push(' ');
                self.out.push_str(&collection);
                self.line_end();
            }
            6..=7 => self.block_scalar(column),
            8 => self.long_plain(column),
            9 if self.anchored => {
                self.names += 1;
                let scalar = self.scalar(false);
                self.out.push_str(&format!(" &a{} {scalar}", self.names));
                self.line_end();
            }
            10 if self.names > 0 => {
                self.out.push_str(&format!(" *a{}", self.names));
                self.line_end();
            }
            _ => {
                let scalar = self.scalar(false);
                if !scalar.is_empty() {
                    self.out.push(' ');
                    self.out.push_str(&scalar);
                }
                self.line_end();
            }
        }
    }

    fn list(&mut self, column: usize, depth: usize) {
        for _ in 0..self.rng.usize(1..4) {
            self.pad(column);
            self.out.push('-');
            if depth > 0 && self.odds(30) {
                self.out.push(' ');
                self.mapping(column + 2, depth - 1);
            } else {
                let scalar = self.scalar(false);
                let scalar = if scalar.is_empty() { "''".to_owned() } else { scalar };
                self.out.push(' ');
                self.out.push_str(&scalar);
                self.line_end();
            }
        }
    }

    fn brackets(&mut self, depth: usize) -> String {
        let count = self.rng.usize(..4);
        let mapping = self.odds(50);
        let mut items = Vec::new();
        for at in 0..count {
            let value = if depth > 0 && self.odds(20) { self.brackets(depth - 1) } else { self.scalar(true) };
            items.push(match (mapping, self.odds(30)) {
                (true, true) => format!("\"k{at}\": {value}"),
                (true, false) => format!("k{at}: {value}"),
                (false, _) => value,
            });
        }
        let items = items.join(self.one(&[", ", ", ", ",", " , "]));
        let (open, close) = if mapping { ("{", "}") } else { ("[", "]") };
        let space = self.one(&["", "", " "]);
        format!("{open}{space}{items}{space}{close}")
    }

    /// A scalar on one line, quoted where it must be and sometimes where it need not.
    fn scalar(&mut self, flow: bool) -> String {
        let text = self.one(SCALARS);
        let plain = !text.is_empty()
            && text.trim() == text
            && !text.starts_with(|c| "-?:,[]{}#&*!|>'\"%@`=".contains(c))
            && !text.contains(|c: char| c.is_control())
            && !text.contains(": ")
            && !text.contains(" #")
            && !(flow && text.contains(|c| ",[]{}:#?".contains(c)))
            || matches!(text, "-7" | "-.5");
        match self.rng.u8(..10) {
            0..=6 if plain => text.to_owned(),
            7..=8 if !text.contains(|c: char| c.is_control()) => format!("'{}'", text.replace('\'', "''")),
            _ => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
                format!("\"{escaped}\"")
            }
        }
    }

    fn block_scalar(&mut self, column: usize) {
        let count = self.rng.usize(1..5);
        let lines: Vec<_> = (0..count).map(|_| self.one(LINES)).collect();
        let first = lines.iter().find(|line| !line.is_empty());
        let indicated = first.is_none_or(|line| line.starts_with([' ', '\t'])) || self.odds(10);
        let indicator = self.one(&["|", "|", "|-", "|+", ">", ">-", ">+"]);
        self.out.push(' ');
        self.out.push_str(&indicator[..1]);
        if indicated {
            self.out.push_str(&self.step.to_string());
        }
        self.out.push_str(&indicator[1..]);
        let end = self.one(&["\n", "\n", "\n", "\n", "\n", "  # a file\n"]);
        self.out.push_str(end);
        for line in lines {
            if !line.is_empty() {
                self.pad(column + self.step);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
        if self.odds(15) {
            self.out.push('\n');
        }
    }

    /// Text over two lines, with or without quotes.
    fn long_plain(&mut self, column: usize) {
        let quote = self.one(&["", "\"", "'"]);
        self.out.push_str(&format!(" {quote}words that go on\n"));
        self.pad(column + self.step);
        self.out.push_str(&format!("on the next line{quote}\n"));
    }
}

/// JSON pointers to every scalar of a value.
pub fn scalars(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: String, found: &mut Vec<String>) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    walk(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter().enumerate() {
                    walk(value, format!("{path}/{at}"), found);
                }
            }
            _ => found.push(path),
        }
    }
    let mut found = Vec::new();
    walk(value, String::new(), &mut found);
    found
}

/// What a person might put in the place of a scalar.
pub fn another(value: &Value, seed: u64) -> Value {
    let mut rng = Rng::with_seed(seed);
    match value {
        Value::Bool(flag) if rng.bool() => (!flag).into(),
        Value::Number(number) if rng.u8(..4) > 0 => {
            let whole = number.as_u64().and_then(|whole| whole.checked_add(1)).map(Value::from);
            whole.unwrap_or_else(|| (number.as_f64().unwrap_or_default() / 2.0 + 0.5).into())
        }
        Value::String(text) if text.contains('\n') && rng.u8(..4) > 0 => {
            let other = match rng.u8(..4) {
                0 => format!("{text}one more line\n"),
                1 => text.trim_end().to_owned(),
                2 => text.replacen('\n', "\n\nmore\n", 1),
                _ => format!("first\n{text}"),
            };
            if other == *text { format!("{text}x") } else { other }.into()
        }
        other => {
            let pool = SCALARS[rng.usize(..SCALARS.len())];
            if other == pool { format!("{pool}x").into() } else { pool.into() }
        }
    }
}
