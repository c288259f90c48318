//! CSV (RFC 4180): a header row, and rows of as many cells.
//!
//! A table is an array of its rows, and a row an object with a member for each name of the header.
//!
//! Invariants:
//! - every row has a cell for every column, and no two columns have one name;
//! - only `[*]` leads to a row and only a name to a cell: nothing is found by other paths;
//! - of each row the tape has the cells of the same columns, in the order of the body.

mod cell;

use super::fault::{BadDocument, Fault};
use super::fields::FieldId;
use super::findings::Findings;
use super::limits::Limits;
use super::names::{Name, Names, Print};
use super::path::Segment;
use super::raw::{Lexis, Raw};
use super::shape::{NodeId, Shape};
use super::span::Span;
use super::syntax::{Csv, Formula};
use super::text;
use cell::Scanner;
pub(super) use cell::text as decode;

/// What of a table is mapped.
pub(crate) struct Tape {
    /// What stands between two cells, and how lines end.
    pub(crate) delimiter: u8,
    pub(crate) line_end: &'static [u8],
    /// What becomes of cells that a spreadsheet would take for formulas.
    pub(crate) formula: Formula,
    /// The columns that are fields, in the order of the body.
    pub(crate) columns: Vec<Column>,
    /// How many rows there are, and the number of the first one's record, if rows are records.
    pub(crate) rows: u32,
    pub(crate) record: Option<u32>,
    /// The cells of these columns, row by row.
    pub(crate) cells: Vec<Span>,
}

/// A column that is a field.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    /// Its name as it stands in the header row.
    pub(crate) name: Span,
    /// The field.
    pub(crate) field: FieldId,
}

impl Tape {
    /// The cells of each row, in the order of the columns.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Span]> {
        let width = self.columns.len();
        (0..self.rows as usize)
            .map(move |row| self.cells.get(row * width..(row + 1) * width).unwrap_or_default())
    }

    /// The values of the mapped fields.
    pub(crate) fn values<'a>(&'a self, body: &'a [u8]) -> impl Iterator<Item = (FieldId, Raw<'a>)> {
        let raw = |span: Span| Raw { bytes: span.of(body), lexis: Lexis::Csv };
        let columns = self.columns.iter().cycle();
        self.cells.iter().zip(columns).map(move |(cell, column)| (column.field, raw(*cell)))
    }
}

/// How a table is read.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// How it is written.
    pub(super) syntax: Csv,
    /// What of it is mapped.
    pub(super) shape: &'a Shape,
    /// How large it may be.
    pub(super) limits: &'a Limits,
}

/// Reads a body that stands at a node of the shape.
pub(super) fn parse(
    body: &[u8],
    root: NodeId,
    context: Context<'_>,
    findings: &mut Findings,
) -> Result<Tape, BadDocument> {
    let Context { syntax, shape, limits } = context;
    text::check(body, limits)?;
    let scan = Scanner { body, at: 0, delimiter: syntax.delimiter, line_end: b"" };
    let mut parser = Parser::new(scan, shape, limits, findings);
    if let Err(fault) = parser.table(root) {
        return Err(BadDocument { fault, offset: parser.scan.at, path: parser.path() });
    }
    let Parser { scan, fields, cells, row, record, .. } = parser;
    let line_end = scan.line_end;
    let Csv { delimiter, formula } = syntax;
    Ok(Tape { delimiter, line_end, formula, columns: fields, rows: row, record, cells })
}

struct Parser<'a> {
    scan: Scanner<'a>,
    shape: &'a Shape,
    limits: &'a Limits,
    findings: &'a mut Findings,
    /// Where a row stands, if something in it is mapped.
    row_at: Option<NodeId>,
    /// Every column: where its cells stand, if they are mapped.
    columns: Vec<Option<Place>>,
    /// How many columns are not mapped, in rows of which something is.
    unmapped: u32,
    fields: Vec<Column>,
    cells: Vec<Span>,
    /// How many rows were read, and of the one that is being read, how many cells.
    row: u32,
    column: usize,
    record: Option<u32>,
    is_in_rows: bool,
}

/// Where the cells of a column stand.
#[derive(Clone, Copy)]
struct Place {
    node: NodeId,
    /// Which child of the row's node that is.
    child: u32,
}

impl<'a> Parser<'a> {
    fn new(
        scan: Scanner<'a>,
        shape: &'a Shape,
        limits: &'a Limits,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            cells: Vec::with_capacity(scan.body.len() / BYTES_PER_CELL),
            scan,
            shape,
            limits,
            findings,
            row_at: None,
            columns: Vec::new(),
            unmapped: 0,
            fields: Vec::new(),
            row: 0,
            column: 0,
            record: None,
            is_in_rows: false,
        }
    }

    fn table(&mut self, root: NodeId) -> Result<(), Fault> {
        if self.scan.body.starts_with(BYTE_ORDER_MARK) {
            self.scan.at = BYTE_ORDER_MARK.len();
        }
        if self.scan.is_end() {
            return Err(Fault::Empty);
        }
        let row = self.shape.node(root).every;
        self.row_at = row.filter(|row| self.shape.node(*row).is_object());
        self.header()?;
        if row.is_none() {
            self.findings.unmapped();
        }
        let misfit = row.filter(|_| self.row_at.is_none());
        self.is_in_rows = true;
        while !self.scan.is_end() {
            if !self.scan.line_end_here()?.is_empty() {
                return self.empty_line();
            }
            if self.row as usize >= self.limits.elements_max {
                return Err(Fault::TooManyElements);
            }
            match misfit.map(|row| self.shape.node(row).field) {
                Some(Some(field)) => self.findings.misshapen(field),
                Some(None) => self.findings.unmapped(),
                None => {}
            }
            self.row()?;
        }
        Ok(())
    }

    /// Goes past the empty line that may follow the last row.
    fn empty_line(&mut self) -> Result<(), Fault> {
        let at = self.scan.at;
        self.scan.end_line()?;
        if self.scan.is_end() {
            return Ok(());
        }
        self.scan.at = at;
        Err(Fault::EmptyLine)
    }

    fn header(&mut self) -> Result<(), Fault> {
        let first = self.scan.body.get(self.scan.at..).unwrap_or_default();
        let first = first.strip_prefix(b"\"").unwrap_or(first);
        if first.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"sep=")) {
            return Err(Fault::SeparatorLine);
        }
        let mut names = Names::new(self.scan.body);
        let mut all = names.open();
        loop {
            if self.columns.len() >= self.limits.members_max {
                return Err(Fault::TooManyMembers);
            }
            let at = self.scan.at;
            let span = self.scan.cell()?;
            let end = std::mem::replace(&mut self.scan.at, at);
            let name = name(&mut names, self.scan.body, span);
            let text = names.text(name);
            if text.is_empty() {
                return Err(Fault::EmptyName);
            }
            if text.len() > self.limits.key_bytes_max {
                return Err(Fault::KeyTooLong);
            }
            let print = Print::of(text);
            self.add_column(span, print, text);
            if !names.add(&mut all, name, print) {
                return Err(Fault::DuplicateName);
            }
            self.scan.at = end;
            if self.scan.peek() != self.scan.delimiter {
                break;
            }
            self.scan.at += 1;
        }
        if let Some(twin) = names.close(all) {
            self.scan.at = twin.at as usize;
            return Err(Fault::DuplicateName);
        }
        self.scan.line_end = self.scan.line_end_here()?;
        self.scan.end_line()
    }

    fn add_column(&mut self, span: Span, print: Print, name: &[u8]) {
        let row = self.row_at.map(|row| self.shape.node(row));
        let hint = self.columns.iter().rev().flatten().next().map_or(0, |place| place.child + 1);
        let member = row.and_then(|row| row.member(print, name, hint));
        // The header row is nobody's: a name in it is no personal value, so no key of a record.
        let member = member.filter(|(node, _)| self.shape.node(*node).key.is_none());
        let place = member.map(|(node, child)| Place { node, child });
        if let Some(field) = place.and_then(|place| self.shape.node(place.node).field) {
            self.fields.push(Column { name: span, field });
        }
        self.unmapped += u32::from(row.is_some() && place.is_none());
        self.columns.push(place);
    }

    #[inline]
    fn row(&mut self) -> Result<(), Fault> {
        if self.cells.len() + self.row as usize >= self.limits.values_max {
            return Err(Fault::TooManyValues);
        }
        let is_record = self.row_at.is_some_and(|row| self.shape.node(row).is_record);
        if is_record {
            let record = self.findings.open_record()?;
            self.record.get_or_insert(record);
        }
        let last = self.columns.len() - 1;
        for column in 0..=last {
            self.column = column;
            self.cell(column)?;
            match (self.scan.peek() == self.scan.delimiter, column == last) {
                (true, false) => self.scan.at += 1,
                (true, true) => return Err(Fault::RowTooLong),
                (false, true) => self.scan.end_line()?,
                (false, false) => {
                    self.scan.line_end_here()?;
                    return Err(Fault::RowTooShort);
                }
            }
        }
        let unmapped = &mut self.findings.found.unmapped;
        *unmapped = unmapped.saturating_add(self.unmapped);
        if is_record {
            self.findings.close_record();
        }
        self.row = self.row.saturating_add(1);
        Ok(())
    }

    #[inline]
    fn cell(&mut self, column: usize) -> Result<(), Fault> {
        let start = self.scan.at;
        let span = self.scan.cell()?;
        if span.len() > self.limits.string_bytes_max {
            self.scan.at = start;
            return Err(Fault::StringTooLong);
        }
        if let Some(place) = self.columns.get(column).copied().flatten() {
            let node = self.shape.node(place.node);
            let identifies = node.is_subject && !decode(span.of(self.scan.body)).is_empty();
            if self.findings.value(node, span, Lexis::Csv, identifies).is_some() {
                self.cells.push(span);
            }
        }
        Ok(())
    }

    /// Where the parser stands, in names that the shape knows.
    #[cold]
    fn path(&self) -> String {
        if !self.is_in_rows {
            return "$".to_owned();
        }
        let name = self.row_at.zip(self.columns.get(self.column).copied().flatten());
        let name = name.and_then(|(row, place)| self.shape.node(row).name(place.child));
        let column = name.map_or_else(|| ".?".to_owned(), |n| Segment::Name(n.into()).to_string());
        format!("${}{column}", Segment::Index(self.row))
    }
}

/// The name that a cell of the header row holds.
fn name(names: &mut Names<'_>, body: &[u8], span: Span) -> Name {
    let text = decode(span.of(body));
    if text.len() + 2 <= span.len() && text.contains('"') {
        return names.unescape(span.start, &text);
    }
    let quote = u32::from(text.len() < span.len());
    let (start, end) = (span.start + quote, span.end - quote);
    Name { at: span.start, start, end, is_unescaped: false }
}

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// A body has at least so many bytes for each cell that is mapped, in most documents.
const BYTES_PER_CELL: usize = 16;

#[cfg(test)]
mod tests;
