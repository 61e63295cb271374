//! Aligned tables that fit a terminal or a log, whatever the names in them.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Width that tables are made to fit, in characters, where their names can be shortened enough.
const WIDTH: usize = 120;
/// Between two columns.
const GAP: usize = 2;
/// A shortened name keeps at least this many characters.
const MIN_NAME: usize = 12;

/// How a column behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Aligned to the left, always whole.
    Text,
    /// Aligned to the right, always whole.
    Number,
    /// Aligned to the left, shortened in the middle where the table is too wide.
    Name,
    /// Whole sentences, in the last column: they take no room from the names.
    Sentence,
}

/// Lines of a table: the header, then one line for each row, without trailing blanks.
///
/// Characters that would move the cursor or reorder the line are replaced: the names come from the network.
pub fn lines(columns: &[(&str, Kind)], rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let name_width = name_width(columns, &rows);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(title, _)| *title));
    for row in &rows {
        let cells = row.iter().zip(columns).map(|(cell, (_, kind))| match kind {
            Kind::Name => shortened(cell, name_width),
            Kind::Text | Kind::Number | Kind::Sentence => cell.clone(),
        });
        table.add_row(cells);
    }
    for (column, (_, kind)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, u16::try_from(GAP).unwrap_or(1)));
        if *kind == Kind::Number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// `text` with what is not printable replaced: control characters, and the marks that change the direction
/// of the text.
pub fn printable(text: &str) -> String {
    let replace = |c: char| match c {
        '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{2028}'
        | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(replace).collect()
}

/// `text` in at most `width` characters: both ends, with `…` for the middle. The end of a name says whose it
/// is, so it keeps the larger half.
pub fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let tail = kept.div_ceil(2);
    let head: String = text.chars().take(kept - tail).collect();
    let tail: String = text.chars().skip(length - tail).collect();
    format!("{head}…{tail}")
}

/// The largest width for names with which the table fits.
fn name_width(columns: &[(&str, Kind)], rows: &[Vec<String>]) -> usize {
    let longest = |index: usize| {
        let cells = rows.iter().map(move |row| row[index].chars().count());
        cells.max().unwrap_or(0)
    };
    let fits = |width: usize| {
        let widths = columns.iter().enumerate().map(|(index, (title, kind))| {
            let cells = match kind {
                Kind::Name => longest(index).min(width),
                Kind::Text | Kind::Number => longest(index),
                Kind::Sentence => 0,
            };
            cells.max(title.chars().count()) + GAP
        });
        widths.sum::<usize>() - GAP <= WIDTH
    };
    (MIN_NAME..=WIDTH)
        .rev()
        .find(|width| fits(*width))
        .unwrap_or(MIN_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [(&str, Kind); 3] = [("ID", Kind::Number), ("NAME", Kind::Name), ("STATE", Kind::Text)];

    fn row(id: &str, name: &str, state: &str) -> Vec<String> {
        [id, name, state].map(str::to_owned).to_vec()
    }

    #[test]
    fn columns_are_aligned_without_trailing_blanks() {
        let rows = [row("7", "a.example", "open"), row("1234", "-", "")];
        insta::assert_snapshot!(lines(&COLUMNS, &rows).join("\n"), @r"
          ID  NAME       STATE
           7  a.example  open
        1234  -
        ");
    }

    #[test]
    fn long_names_are_shortened_until_the_table_fits() {
        let name = format!("{}.tail.example", "long-label.".repeat(20));
        let table = lines(&COLUMNS, &[row("1", &name, "open")]);
        assert_eq!(table[1].chars().count(), WIDTH - 1);
        assert!(table[1].contains("…"), "{}", table[1]);
        assert!(table[1].contains("label..tail.example  open"), "{}", table[1]);
    }

    #[test]
    fn the_end_of_a_name_survives() {
        assert_eq!(shortened("abcdefghij", 6), "ab…hij");
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("éééééééé", 4), "é…éé");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[2J\nb\u{9b}\u{202e}c"),
            "a\u{fffd}[2J\u{fffd}b\u{fffd}\u{fffd}c"
        );
    }
}
