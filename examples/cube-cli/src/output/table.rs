//! Tables for people.

use comfy_table::{Attribute, Cell, ContentArrangement, presets};
use cube_render::Table;

/// As wide as it is; on a terminal as wide as that, with long cells in several lines.
pub(super) fn drawn(table: &Table, terminal: bool, plain: bool) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::NOTHING);
    let arranged = if terminal { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    drawn.set_content_arrangement(arranged);
    drawn.set_header(table.head.iter().map(|name| {
        let cell = Cell::new(name);
        if terminal && !plain { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in &table.rows {
        drawn.add_row(row.iter().map(|cell| visible(cell)));
    }
    for column in drawn.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = drawn.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// What others wrote must not steer the terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_nothing_steers_the_terminal() {
        let rows = [["cube-7", "ready"], ["a", "\u{1b}[31mred"]];
        let table = Table::new(["NAME", "STATE"], rows.map(|row| row.map(str::to_owned)));
        assert_eq!(drawn(&table, false, true), "NAME    STATE\ncube-7  ready\na       \u{fffd}[31mred");
    }
}
