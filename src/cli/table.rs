//! A table on a terminal: columns of fixed width, long cells broken over several lines.

/// Writes one row; each cell is broken to its column's width.
pub(super) fn row(cells: &[(usize, &str)]) -> String {
    let columns: Vec<(usize, Vec<String>)> =
        cells.iter().map(|(width, text)| (*width, wrap(text, *width))).collect();
    let height = columns.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
    let mut text = String::new();
    for n in 0..height {
        let mut line = String::new();
        for (width, lines) in &columns {
            let cell = lines.get(n).map_or("", String::as_str);
            line.push_str(cell);
            let used = cell.chars().count();
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(used).saturating_add(2)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Breaks a text at spaces, or inside a word that is wider than the column.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let gap = usize::from(!line.is_empty());
            let fits = line.chars().count() + gap + word.chars().count() <= width;
            if !fits && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            for c in word.chars() {
                if line.chars().count() == width {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_broken_and_columns_stay_aligned() {
        let text = row(&[(5, "a bc def"), (4, "abcdefgh"), (3, "x")]);
        assert_eq!(text, "a bc   abcd  x\ndef    efgh\n");
    }

    #[test]
    fn letters_are_counted_not_bytes() {
        assert_eq!(row(&[(4, "Өткел"), (1, "x")]), "Өтке  x\nл\n");
    }
}
