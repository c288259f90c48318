//! Writing what remains of a table.
//!
//! What is written is the table without everything that the selection does not keep:
//! - kept cells, and the names of their columns, are the bytes of the body, quotes included;
//! - a column that no record keeps has no place in the header or any row; where some records keep
//!   it, it is empty in the others;
//! - a record that is left out vanishes, and so does a row that lost every cell; every line ends as
//!   the header row does in the body;
//! - where one column remains, an empty cell is written `""`, since an empty line is no row;
//! - what a spreadsheet would take for a formula is treated as the table's rules say. It is sought
//!   in what leaves, so in what an edit put there too.

mod formula;

use super::Kept;
use super::edit::{Edit, Edits, New};
use crate::document::csv::Tape;
use crate::document::{FieldId, FieldSet, Formula, Lexis, Raw, Span};
use formula::{is_formula, is_formula_text};

/// Writes what the selection keeps of a table, as the edits would have it.
pub(super) fn write(tape: &Tape, body: &[u8], kept: &Kept<'_>, edits: &mut impl Edits) -> Vec<u8> {
    let base = kept.base(edits);
    let fields = kept_somewhere(tape, kept, base);
    let columns = tape.columns.iter().enumerate();
    let columns: Vec<(usize, FieldId)> = columns
        .filter(|(_, column)| fields.contains(column.field))
        .map(|(position, column)| (position, column.field))
        .collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let mut writer = Writer { tape, columns, out: Vec::with_capacity(body.len()), edits };
    writer.header(body);
    for (row, cells) in (0..).zip(tape.rows()) {
        match tape.record.map(|first| kept.verdict(first.saturating_add(row))) {
            None => writer.row(cells, body, base),
            Some(Some((verdict, fields))) => {
                writer.edits.enter(Some(verdict));
                writer.row(cells, body, fields);
            }
            Some(None) => {}
        }
    }
    writer.out
}

/// The fields that are kept in some row.
fn kept_somewhere(tape: &Tape, kept: &Kept<'_>, base: &FieldSet) -> FieldSet {
    let Some(first) = tape.record else {
        return if tape.rows == 0 { FieldSet::EMPTY } else { *base };
    };
    let (mut fields, mut before) = (FieldSet::EMPTY, None);
    for row in 0..tape.rows {
        let verdict = kept.verdict(first.saturating_add(row));
        if let Some((verdict, keep)) = verdict.filter(|(verdict, _)| Some(*verdict) != before) {
            keep.iter().for_each(|field| fields.insert(field));
            before = Some(verdict);
        }
    }
    fields
}

struct Writer<'a, E> {
    tape: &'a Tape,
    /// The columns that are written: their positions in a row of the tape, and their fields.
    columns: Vec<(usize, FieldId)>,
    out: Vec<u8>,
    edits: &'a mut E,
}

impl<E: Edits> Writer<'_, E> {
    fn header(&mut self, body: &[u8]) {
        let is_kept = |field| self.columns.iter().any(|(_, kept)| *kept == field);
        let names = self.tape.columns.iter().filter(|column| is_kept(column.field));
        for (position, column) in names.enumerate() {
            if position > 0 {
                self.out.push(self.tape.delimiter);
            }
            self.out.extend_from_slice(column.name.of(body));
        }
        self.out.extend_from_slice(self.tape.line_end);
    }

    #[inline]
    fn row(&mut self, cells: &[Span], body: &[u8], fields: &FieldSet) {
        let start = self.out.len();
        let mut has_cell = false;
        for index in 0..self.columns.len() {
            if index > 0 {
                self.out.push(self.tape.delimiter);
            }
            let Some((position, field)) = self.columns.get(index).copied() else { continue };
            if fields.contains(field)
                && let Some(cell) = cells.get(position)
            {
                has_cell |= self.cell(field, cell.of(body));
            }
        }
        if !has_cell {
            self.out.truncate(start);
            return;
        }
        if self.out.len() == start {
            self.out.extend_from_slice(b"\"\"");
        }
        self.out.extend_from_slice(self.tape.line_end);
    }

    /// Writes a cell; false where it was lost.
    #[inline]
    fn cell(&mut self, field: FieldId, cell: &[u8]) -> bool {
        match self.edits.edit(field, Raw { bytes: cell, lexis: Lexis::Csv }) {
            Edit::Keep if self.tape.formula != Formula::Keep && is_formula(cell) => {
                self.formula(field, cell);
            }
            Edit::Keep => self.out.extend_from_slice(cell),
            Edit::Remove => return false,
            Edit::Put(New::Null) => {}
            Edit::Put(New::Text(text) | New::Number(text)) => self.put(field, &text),
        }
        true
    }

    /// Writes a new value.
    fn put(&mut self, field: FieldId, text: &str) {
        let is_formula = self.tape.formula != Formula::Keep && is_formula_text(text);
        let delimiter = char::from(self.tape.delimiter);
        let is_plain = !text.contains([delimiter, '"', '\r', '\n']) && text.trim() == text;
        if is_plain && !is_formula {
            self.out.extend_from_slice(text.as_bytes());
            return;
        }
        let quoted = format!("\"{}\"", text.replace('"', "\"\""));
        if is_formula {
            self.formula(field, quoted.as_bytes());
        } else {
            self.out.extend_from_slice(quoted.as_bytes());
        }
    }

    /// Writes, or refuses, a cell that a spreadsheet would take for a formula.
    #[cold]
    fn formula(&mut self, field: FieldId, cell: &[u8]) {
        if self.tape.formula == Formula::Refuse {
            self.edits.formula(field);
            return;
        }
        self.out.extend_from_slice(b"\"'");
        if let Some(rest) = cell.strip_prefix(b"\"") {
            self.out.extend_from_slice(rest);
        } else {
            self.out.extend_from_slice(cell);
            self.out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests;
