//! Rows under a head, as plain text.

use std::fmt;

/// Rows under a head. Its text has columns of one width, two blanks between them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Table {
    /// The names of the columns.
    pub head: Vec<&'static str>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table.
    pub fn new<const N: usize>(head: [&'static str; N], rows: impl IntoIterator<Item = [String; N]>) -> Self {
        Self { head: head.to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = |text: &str| text.chars().count();
        let widths: Vec<_> = self
            .head
            .iter()
            .enumerate()
            .map(|(at, head)| {
                let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| wide(cell));
                cells.chain([wide(head)]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded: Vec<_> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        f.write_str(&line(&mut self.head.iter().copied()))?;
        for row in &self.rows {
            write!(f, "\n{}", line(&mut row.iter().map(String::as_str)))?;
        }
        Ok(())
    }
}

/// A cell that may be empty.
pub(crate) fn or_dash(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Digits in groups of three: `1 234 567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_numbers_are_grouped() {
        let table = Table::new(["APP", "PORT"], [["postgres".to_owned(), "1".to_owned()], ["é".into(), "22".into()]]);
        assert_eq!(table.to_string(), "APP       PORT\npostgres  1\né         22");
        assert_eq!(Table::new(["APP"], []).to_string(), "APP");
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!((or_dash(None::<u8>), or_dash(Some(3))), ("-".to_owned(), "3".to_owned()));
    }
}
