//! What a text says once its escapes are read, and where each letter of that stood.

/// One way in which senders escape.
#[derive(Clone, Copy)]
enum Escape {
    /// `\n`, `\u003d`, `\x3d`: JSON and its kin.
    Backslash,
    /// `%3D`.
    Percent,
    /// `%3D`, and `+` for a space: forms.
    Form,
    /// `&quot;`, `&#61;`, `&#x3d;`: pages.
    Entity,
}

/// Texts are escaped within escapes: JSON in JSON, a query in JSON.
const DEPTH: usize = 3;

/// However a text is nested, no more readings than this are made of it.
const MOST: usize = 24;

/// A text as a reader of its escapes would have it.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    /// Where the byte at an index came from; one more than there are bytes. None when nothing was changed.
    from: Option<Vec<usize>>,
}

impl Reading {
    /// The place in the text that a place in this reading came from.
    pub(super) fn place(&self, at: usize) -> usize {
        self.from.as_ref().map_or(at, |from| from.get(at).copied().unwrap_or(at))
    }

    fn read(&self, escape: Escape) -> Option<Self> {
        let spaced = matches!(escape, Escape::Form) && self.bytes.contains(&b'+');
        if !spaced && !self.bytes.contains(&escape.mark()) {
            return None;
        }
        let (mut bytes, mut from) = (Vec::with_capacity(self.bytes.len()), Vec::with_capacity(self.bytes.len()));
        let (mut at, mut changed) = (0, false);
        let mut buffer = [0; 4];
        while let Some(byte) = self.bytes.get(at) {
            let (said, length) = match escape.char_at(&self.bytes[at..]) {
                Some((Said::Char(c), length)) => (c.encode_utf8(&mut buffer).as_bytes(), length),
                Some((Said::Byte(byte), length)) => {
                    buffer[0] = byte;
                    (&buffer[..1], length)
                }
                None => (std::slice::from_ref(byte), 1),
            };
            changed |= said != &self.bytes[at..at + length];
            bytes.extend_from_slice(said);
            from.resize(bytes.len(), self.place(at));
            at += length;
        }
        from.push(self.place(at));
        changed.then_some(Self { bytes, from: Some(from) })
    }
}

/// The text itself, and every other reading of it.
pub(super) fn readings(text: &str) -> Vec<Reading> {
    let mut all = vec![Reading { bytes: text.as_bytes().to_vec(), from: None }];
    let mut begun = 0;
    for _ in 0..DEPTH {
        let end = all.len();
        for index in begun..end {
            for escape in [Escape::Backslash, Escape::Percent, Escape::Form, Escape::Entity] {
                if all.len() < MOST
                    && let Some(reading) = all[index].read(escape)
                {
                    all.push(reading);
                }
            }
        }
        begun = end;
    }
    all
}

enum Said {
    Char(char),
    Byte(u8),
}

impl Escape {
    const fn mark(self) -> u8 {
        match self {
            Self::Backslash => b'\\',
            Self::Percent | Self::Form => b'%',
            Self::Entity => b'&',
        }
    }

    /// What the escape at the start of `rest` says, and its length; none when there is none.
    fn char_at(self, rest: &[u8]) -> Option<(Said, usize)> {
        match (self, rest) {
            (Self::Form, [b'+', ..]) => Some((Said::Byte(b' '), 1)),
            (Self::Percent | Self::Form, [b'%', high, low, ..]) => {
                Some((Said::Byte(u8::try_from(hex(&[*high, *low])?).ok()?), 3))
            }
            (Self::Backslash, [b'\\', kind, tail @ ..]) => backslash(*kind, tail),
            (Self::Entity, [b'&', tail @ ..]) => entity(tail),
            _ => None,
        }
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, digit| Some(sum.checked_mul(16)? + char::from(*digit).to_digit(16)?))
}

fn backslash(kind: u8, tail: &[u8]) -> Option<(Said, usize)> {
    let plain = match kind {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'0' => 0,
        b'"' | b'\'' | b'\\' | b'/' | b'`' => kind,
        b'x' => return Some((Said::Char(char::from_u32(hex(tail.get(..2)?)?)?), 4)),
        b'u' if tail.first() == Some(&b'{') => {
            let end = tail.iter().take(8).position(|byte| *byte == b'}')?;
            return Some((Said::Char(char::from_u32(hex(tail.get(1..end)?)?)?), end + 3));
        }
        b'u' => {
            let first = hex(tail.get(..4)?)?;
            if let Some(c) = char::from_u32(first) {
                return Some((Said::Char(c), 6));
            }
            let second = hex(tail.get(4..10)?.strip_prefix(b"\\u")?)?;
            let pair = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
            return Some((Said::Char(char::decode_utf16(pair).next()?.ok()?), 12));
        }
        _ => return None,
    };
    Some((Said::Byte(plain), 2))
}

fn entity(tail: &[u8]) -> Option<(Said, usize)> {
    let end = tail.iter().take(10).position(|byte| *byte == b';')?;
    let c = match &tail[..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((Said::Char(c), end + 2))
}
