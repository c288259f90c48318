//! Promises of writing tables.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::document::{Csv, Document, FieldPath, Limits, Scalar, Segment, Shape, Syntax};
use crate::redaction::{Selection, select, write as write_document};

fn set(fields: &[FieldId]) -> FieldSet {
    fields.iter().copied().collect()
}

/// The shape of tables with these columns, of which each row is a record.
fn shape(csv: Csv, columns: &[&str]) -> Arc<Shape> {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let column = |name: &&str| path(&format!("$[*]{}", Segment::Name((*name).to_owned())));
    let fields: Vec<FieldPath> = columns.iter().map(column).collect();
    let syntax = Syntax::Csv(csv);
    Arc::new(Shape::of(syntax, &fields, Some(&path("$[*]")), &path("$[*].iin")).unwrap())
}

fn parse(body: &[u8], shape: &Arc<Shape>) -> Option<Document> {
    let body = Bytes::copy_from_slice(body);
    Document::parse(body, Arc::clone(shape), &Limits::default()).ok()
}

/// What is written of a body under a verdict for each record.
fn kept(body: &str, csv: Csv, records: &[Option<usize>], verdicts: &[FieldSet]) -> String {
    let document = parse(body.as_bytes(), &shape(csv, &["iin", "name", "note"])).unwrap();
    let selection = Selection { outside: &FieldSet::EMPTY, records, verdicts };
    String::from_utf8(select(&document, &selection)).unwrap()
}

const BODY: &str = "iin,name,x,note\n1,\"a\",y,\n2,b,y,z\n3,,y,\n";

#[test]
fn a_column_that_no_record_keeps_has_no_place() {
    let of = |records: &[Option<usize>], verdicts: &[&[FieldId]]| {
        let verdicts: Vec<FieldSet> = verdicts.iter().map(|fields| set(fields)).collect();
        kept(BODY, Csv::default(), records, &verdicts)
    };
    let all = [Some(0); 3];
    assert_eq!(of(&all, &[&[0, 1, 2]]), "iin,name,note\n1,\"a\",\n2,b,z\n3,,\n");
    assert_eq!(of(&all, &[&[0, 2]]), "iin,note\n1,\n2,z\n3,\n");
    assert_eq!(of(&all, &[&[2]]), "note\n\"\"\nz\n\"\"\n", "an empty line is no row");
    assert_eq!(of(&[Some(0), Some(1), None], &[&[0], &[1]]), "iin,name\n1,\n,b\n");
    assert_eq!(of(&[None, Some(1), None], &[&[0], &[1]]), "name\nb\n", "no verdict that is used");
    assert_eq!(of(&[Some(0), Some(1), Some(0)], &[&[0], &[]]), "iin\n1\n3\n", "a row lost all");
    assert_eq!(of(&all, &[&[]]), "");
    assert_eq!(of(&[], &[&[0]]), "", "records without a decision");
    assert_eq!(of(&[Some(9); 3], &[&[0]]), "", "a verdict that is not there");
}

#[test]
fn lines_end_as_in_the_body() {
    let all = [set(&[0, 1, 2])];
    let of = |body: &str| kept(body, Csv::default(), &[Some(0)], &all);
    assert_eq!(of("iin,x\r\n1,2"), "iin\r\n1\r\n");
    assert_eq!(of("iin,x\n1,2\n\n"), "iin\n1\n");
    assert_eq!(of("iin,x"), "", "no row keeps a column");
}

/// Edits that know one value each, and what formulas they are told of.
#[derive(Default)]
struct Replaced {
    formulas: Vec<FieldId>,
}

impl Edits for Replaced {
    fn enter(&mut self, _verdict: Option<usize>) {}

    fn edit(&mut self, _field: FieldId, raw: Raw<'_>) -> Edit {
        let Scalar::Text(text) = raw.scalar() else { return Edit::Keep };
        match &*text {
            "gone" => Edit::Remove,
            "null" => Edit::Put(New::Null),
            "number" => Edit::Put(New::Number("-15".to_owned())),
            "quotes" => Edit::Put(New::Text("a\"b,\nc".to_owned())),
            "formula" => Edit::Put(New::Text("=A1,2".to_owned())),
            "short" => Edit::Put(New::Text("-A".to_owned())),
            _ => Edit::Keep,
        }
    }

    fn formula(&mut self, field: FieldId) {
        self.formulas.push(field);
    }
}

/// What is written of a body with these edits, and the formulas that were told of.
fn replaced(body: &str, formula: Formula) -> (String, Vec<FieldId>) {
    let csv = Csv { formula, ..Csv::default() };
    let document = parse(body.as_bytes(), &shape(csv, &["iin", "name", "note"])).unwrap();
    let records = vec![Some(0); document.records().len()];
    let verdicts = [set(&[0, 1, 2])];
    let selection = Selection { outside: &FieldSet::EMPTY, records: &records, verdicts: &verdicts };
    let mut edits = Replaced::default();
    let out = write_document(&document, &selection, &mut edits).body;
    (String::from_utf8(out).unwrap(), edits.formulas)
}

#[test]
fn new_values_are_quoted_where_they_must_be() {
    let body = "iin,name\n1,gone\ngone,\"gone\"\n2,null\n3,number\n4,quotes\n";
    let expected = "iin,name\n1,\n2,\n3,-15\n4,\"a\"\"b,\nc\"\n";
    assert_eq!(replaced(body, Formula::Refuse), (expected.to_owned(), vec![]));
}

#[test]
fn formulas_are_refused_neutralised_or_kept() {
    let body = "iin,name\n1,=B1\n2,formula\nshort,\"+A\"\n3,-5\n";
    let refused = "iin,name\n1,\n2,\n,\n3,-5\n".to_owned();
    assert_eq!(replaced(body, Formula::Refuse), (refused, vec![1, 1, 0, 1]));
    let neutral = "iin,name\n1,\"'=B1\"\n2,\"'=A1,2\"\n\"'-A\",\"'+A\"\n3,-5\n".to_owned();
    assert_eq!(replaced(body, Formula::Neutralise), (neutral, vec![]));
    let kept = "iin,name\n1,=B1\n2,\"=A1,2\"\n-A,\"+A\"\n3,-5\n".to_owned();
    assert_eq!(replaced(body, Formula::Keep), (kept, vec![]));
}

/// A table as somebody wrote it: its names, its rows, and for each cell whether it is in quotes.
#[derive(Clone, Debug)]
struct Table {
    csv: Csv,
    line_end: &'static str,
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    quoted: Vec<bool>,
}

impl Table {
    fn body(&self) -> String {
        let delimiter = char::from(self.csv.delimiter);
        let mut quoted = self.quoted.iter().cycle();
        let mut line = |cells: &Vec<String>| {
            let mut cell = |cell: &String| {
                let must = cell.contains([delimiter, '"', '\n', '\r']);
                if must || *quoted.next().unwrap() {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.clone()
                }
            };
            let cells: Vec<String> = cells.iter().map(&mut cell).collect();
            // A row of one empty cell without quotes would be an empty line.
            let line = cells.join(&delimiter.to_string());
            if line.is_empty() { "\"\"".to_owned() } else { line }
        };
        let lines: Vec<String> =
            [&self.names].into_iter().chain(&self.rows).map(&mut line).collect();
        lines.join(self.line_end)
    }

    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The rows of these records, with the cells that are kept.
    fn kept(&self, choice: &Choice) -> (Vec<String>, Vec<Vec<String>>) {
        let (records, verdicts) = choice;
        let verdict = |row: usize| records.get(row).copied().flatten().map(|n| &verdicts[n]);
        let is_kept = |row: usize, column: usize| {
            verdict(row).is_some_and(|set| set.contains(FieldId::try_from(column).unwrap()))
        };
        let rows: Vec<usize> = (0..self.rows.len())
            .filter(|row| (0..self.names.len()).any(|column| is_kept(*row, column)))
            .collect();
        let columns: Vec<usize> = (0..self.names.len())
            .filter(|column| (0..self.rows.len()).any(|row| is_kept(row, *column)))
            .collect();
        let cell = |row: usize, column: usize| {
            if is_kept(row, column) { self.rows[row][column].clone() } else { String::new() }
        };
        let row = |row: &usize| columns.iter().map(|column| cell(*row, *column)).collect();
        let names = columns.iter().map(|column| self.names[*column].clone()).collect();
        (names, rows.iter().map(row).collect())
    }
}

/// The record verdicts and their sets.
type Choice = (Vec<Option<usize>>, Vec<FieldSet>);

fn choices() -> impl Strategy<Value = Choice> {
    let fields = prop::collection::vec(0_u8..6, 0..6).prop_map(|fields| set(&fields));
    let verdicts = prop::collection::vec(prop::option::of(0_usize..3), 0..7);
    (verdicts, prop::collection::vec(fields, 3))
}

fn tables() -> impl Strategy<Value = Table> {
    let name = prop::string::string_regex("[a-zА-я;,\"\n ]{1,5}").unwrap();
    let names = prop::collection::hash_set(name, 0..5);
    let cell = prop::string::string_regex("[a-zА-я0-9;,| \t\"\n=+@-]{0,6}|(\r\n){0,2}").unwrap();
    let rows = prop::collection::vec(prop::collection::vec(cell, 5), 0..6);
    let delimiter = prop::sample::select(b",;\t|".to_vec());
    let line_end = prop::sample::select(vec!["\n", "\r\n"]);
    let quoted = prop::collection::vec(any::<bool>(), 1..9);
    (names, rows, delimiter, line_end, quoted).prop_map(
        |(names, rows, delimiter, line_end, quoted)| {
            let csv = Csv { delimiter, formula: Formula::Keep };
            let names: Vec<String> = ["iin".to_owned()].into_iter().chain(names).collect();
            let narrow = |row: Vec<String>| row.into_iter().take(names.len()).collect();
            let rows = rows.into_iter().map(narrow).collect();
            Table { csv, line_end, names, rows, quoted }
        },
    )
}

/// What another reader finds: the names, and the rows.
fn oracle(body: &[u8], delimiter: u8) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body);
    let of = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let names = of(reader.headers().ok()?);
    let rows: Result<Vec<_>, _> = reader.records().map(|record| Ok(of(&record?))).collect();
    rows.map_err(|_: csv::Error| ()).ok().map(|rows| (names, rows))
}

fn all(document: &Document) -> Vec<u8> {
    let records = vec![Some(0); document.records().len()];
    let all: FieldSet = (0..=255).collect();
    select(document, &Selection { outside: &all, records: &records, verdicts: &[all] })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn everything_kept_is_the_same_table(table in tables()) {
        prop_assume!(!table.rows.is_empty());
        let document = parse(table.body().as_bytes(), &shape(table.csv, &table.names())).unwrap();
        let out = all(&document);
        let read = oracle(&out, table.csv.delimiter);
        prop_assert_eq!(read, Some((table.names.clone(), table.rows.clone())));
        let body = table.body() + table.line_end;
        prop_assert_eq!(String::from_utf8(out).unwrap(), body, "byte for byte");
    }

    #[test]
    fn what_is_written_is_what_is_kept(table in tables(), choice in choices()) {
        let document = parse(table.body().as_bytes(), &shape(table.csv, &table.names())).unwrap();
        let (records, verdicts) = &choice;
        let selection = Selection { outside: &FieldSet::EMPTY, records, verdicts };
        let out = select(&document, &selection);
        let (names, rows) = table.kept(&choice);
        if names.is_empty() {
            prop_assert_eq!(out, b"");
        } else {
            prop_assert_eq!(oracle(&out, table.csv.delimiter), Some((names, rows)));
        }
    }

    #[test]
    fn nothing_unmapped_is_in_any_byte(table in tables()) {
        let marked = table.rows.iter().map(|row| vec!["Secret".to_owned(); row.len()]).collect();
        let table = Table { rows: marked, ..table };
        let document = parse(table.body().as_bytes(), &shape(table.csv, &["other"])).unwrap();
        prop_assert_eq!(all(&document), b"");
        prop_assert!(document.values().next().is_none());
        let some = parse(table.body().as_bytes(), &shape(table.csv, &["iin"])).unwrap();
        let out = String::from_utf8(all(&some)).unwrap();
        prop_assert_eq!(out.matches("Secret").count(), table.rows.len());
    }

    #[test]
    fn what_is_accepted_is_what_others_read(
        table in tables(),
        changes in prop::collection::vec((any::<Index>(), prop::sample::select(
            b"\",;\n\r\t a\0\xEF=".to_vec()
        )), 0..4),
    ) {
        let mut body = table.body().into_bytes();
        for (place, byte) in changes {
            let at = place.index(body.len());
            body[at] = byte;
        }
        let names = table.names();
        if let Some(document) = parse(&body, &shape(table.csv, &names)) {
            let (found, rows) = oracle(&body, table.csv.delimiter).expect("accepted, and bad");
            let columns: Vec<usize> =
                (0..found.len()).filter(|n| names.contains(&found[*n].as_str())).collect();
            let texts: Vec<String> = document.values().map(|value| match value.scalar {
                Scalar::Text(text) => text.into_owned(),
                _ => unreachable!(),
            }).collect();
            let expected: Vec<String> = rows
                .iter()
                .flat_map(|row| columns.iter().map(|column| row[*column].clone()))
                .collect();
            prop_assert_eq!(texts, expected);
            if let Some(out) = Some(all(&document)).filter(|out| !out.is_empty()) {
                let again = parse(&out, &shape(table.csv, &names)).expect("written, and bad");
                prop_assert_eq!(all(&again), out);
            }
        }
    }
}
