//! Tables for people.

use comfy_table::{Attribute, Cell, ContentArrangement, presets};

pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: impl IntoIterator<Item = &'static str>) -> Self {
        Self { header: header.into_iter().collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| visible(&cell)).collect());
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As wide as it is; on a terminal as wide as that, with long cells in several lines.
    pub(crate) fn drawn(&self, terminal: bool, plain: bool) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        let arranged = if terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table.set_content_arrangement(arranged);
        table.set_header(self.header.iter().map(|name| {
            let cell = Cell::new(name);
            if terminal && !plain { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
        for row in &self.rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// What others wrote must not steer the terminal.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_nothing_steers_the_terminal() {
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["cube-7".to_owned(), "ready".to_owned()]);
        table.row(["a".to_owned(), "\u{1b}[31mred".to_owned()]);
        assert_eq!(table.drawn(false, true), "NAME    STATE\ncube-7  ready\na       \u{fffd}[31mred");
    }
}
