//! How bodies are written, and which paths can lead into them.

use super::table::{Item, Key, Table};
use super::word;
use crate::diagnostic::{Text, text};
use crate::document::{
    Charset, Csv, FieldPath, Formula, Multipart, MultipartKind, Opaque, Part, Root, Segment,
    Syntax, Xml, XmlKind,
};

/// Reads how a route's body is written; `is_empty` where its method has none.
pub(super) fn read(table: &mut Table<'_>, is_empty: Option<bool>) -> Option<Syntax> {
    let default = if is_empty == Some(true) { Format::Empty } else { Format::Json };
    let format = table.or(default, "format", FORMAT, |item| {
        let format = item.one_of(&[FORMATS.as_slice(), &WHOLE_FORMATS].concat())?;
        if is_empty == Some(true) && format != Format::Empty {
            return item.wrong_since(
                "a `GET` or `DELETE` has no body",
                "write `format = \"none\"`, or leave it out",
            );
        }
        Some(format)
    });
    let parts = parts(table, format);
    let opaque = opaque(table, format);
    let one = one(table, format, opaque);
    match (format?, parts?) {
        (Format::FormData, parts) => Some(multipart(MultipartKind::FormData, parts)),
        (Format::Mixed, parts) => Some(multipart(MultipartKind::Mixed, parts)),
        _ => one,
    }
}

/// Reads how a partner's answer is written.
pub(super) fn read_answer(table: &mut Table<'_>) -> Option<Syntax> {
    let format = table.or(Format::Json, "format", FORMAT, |item| item.one_of(&FORMATS));
    one(table, format, Some(None))
}

/// Reads the charset of a route's texts.
pub(super) fn charset(table: &mut Table<'_>, syntax: Option<&Syntax>) -> Option<Option<String>> {
    let meaning = "`charset` names the charset of the texts, such as `windows-1251`; UTF-8 where \
        it is left out";
    let charset = table.optional("charset", meaning, |item| {
        let label = item.text()?;
        let Some(charset) = Charset::named(label) else {
            return item.wrong_since(
                text!("`{}` is no charset", label),
                "write a label of the WHATWG Encoding Standard, such as `windows-1251`",
            );
        };
        if syntax.is_some_and(|syntax| !has_charset(syntax)) {
            return item.wrong_since(
                "this body has no charset of its own",
                "remove it: JSON is always UTF-8 (RFC 8259), and other contents are not texts",
            );
        }
        (Some(charset).filter(|charset| *charset != Charset::UTF_8))
            .map_or(Some(None), |charset| Some(Some(charset.name().to_ascii_lowercase())))
    });
    charset.map(Option::flatten)
}

fn has_charset(syntax: &Syntax) -> bool {
    match syntax {
        Syntax::Csv(_) | Syntax::Xml(_) | Syntax::Form | Syntax::Text => true,
        Syntax::Json
        | Syntax::Ndjson
        | Syntax::Multipart(_)
        | Syntax::Opaque(_)
        | Syntax::Empty => false,
    }
}

/// What `format` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Ndjson,
    Csv,
    Xml(XmlKind),
    Form,
    FormData,
    Mixed,
    Opaque,
    Empty,
}

// Reads a body, or a part of one, that does not consist of parts itself.
fn one(
    table: &mut Table<'_>,
    format: Option<Format>,
    opaque: Option<Option<Opaque>>,
) -> Option<Syntax> {
    let meaning = "`csv` has `delimiter` and `formula`, for `format = \"csv\"`";
    let csv = table.optional("csv", meaning, |item| {
        fits(item, format, |format| format == Format::Csv, item.table(csv))
    });
    let meaning = "`xml` has `namespaces`, for `format = \"xml\"` and SOAP";
    let is_xml = |format| matches!(format, Format::Xml(_));
    let xml =
        table.optional("xml", meaning, |item| fits(item, format, is_xml, item.table(namespaces)));
    let (csv, xml, opaque) = (csv?, xml?, opaque?);
    match format? {
        Format::Json => Some(Syntax::Json),
        Format::Ndjson => Some(Syntax::Ndjson),
        Format::Csv => Some(Syntax::Csv(csv.unwrap_or_default())),
        Format::Xml(kind) => soap(table, kind, xml.unwrap_or_default()),
        Format::Form => Some(Syntax::Form),
        Format::Opaque => opaque.map(Syntax::Opaque),
        Format::Empty | Format::FormData | Format::Mixed => Some(Syntax::Empty),
    }
}

fn opaque(table: &mut Table<'_>, format: Option<Format>) -> Option<Option<Opaque>> {
    let meaning = "`opaque` says what the content is: `pdf`, `png` or `jpeg`";
    let is_opaque = |format| format == Format::Opaque;
    let read = |item: &Item<'_>| fits(item, format, is_opaque, item.one_of(&OPAQUE));
    if format.is_some_and(is_opaque) {
        table.required("opaque", meaning, read).map(Some)
    } else {
        table.optional("opaque", meaning, read)
    }
}

// What a key says that belongs to some formats only.
fn fits<T>(
    item: &Item<'_>,
    format: Option<Format>,
    belongs: impl FnOnce(Format) -> bool,
    value: Option<T>,
) -> Option<T> {
    if format.is_none_or(belongs) {
        return value;
    }
    item.wrong("the body has another `format`")
}

fn csv(table: &mut Table<'_>) -> Option<Csv> {
    let default = Csv::default();
    let meaning = "`delimiter` stands between two cells: `,`, `;`, `|` or a tab";
    let delimiter = table.or(default.delimiter, "delimiter", meaning, |item| {
        item.one_of(&[(",", b','), (";", b';'), ("|", b'|'), ("\t", b'\t')])
    });
    let meaning = "`formula` says what becomes of a cell that a spreadsheet would run: `refuse` \
        the transfer, `neutralise` it by an apostrophe, or `keep` it";
    let formula = table.or(default.formula, "formula", meaning, |item| {
        let formula = item.one_of(&[
            ("refuse", Formula::Refuse),
            ("neutralise", Formula::Neutralise),
            ("keep", Formula::Keep),
        ])?;
        if formula == Formula::Keep {
            item.warn(
                "cells leave that a spreadsheet would run as formulas",
                "write `neutralise` or `refuse`",
            );
        }
        Some(formula)
    });
    Some(Csv { delimiter: delimiter?, formula: formula? })
}

fn namespaces(table: &mut Table<'_>) -> Option<Vec<(String, String)>> {
    let meaning = "`namespaces` gives each prefix that paths use its namespace, \
        `e = \"urn:example\"`; `\"\"` is that of names without a prefix";
    table.or(Vec::new(), "namespaces", meaning, |item| {
        let mut uris = Vec::new();
        item.entries(|key, item| {
            let prefix = prefix(key);
            let uri = word::text(item)?;
            if uris.contains(&uri) {
                return item.wrong("two prefixes of one namespace");
            }
            uris.push(uri.clone());
            Some((prefix?, uri))
        })
    })
}

fn prefix(key: &Key<'_>) -> Option<String> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_first = |c: char| c.is_alphabetic() || c == '_';
    let fits = key.text.is_empty()
        || (key.text.starts_with(is_first) && key.text.chars().all(is_name))
            && !key.text.to_ascii_lowercase().starts_with("xml");
    if fits {
        return Some(key.text.to_owned());
    }
    key.wrong("not a prefix", "write a letter or `_`, then letters, digits, `_`, `-` and `.`")
}

// A SOAP message cannot be addressed without its own namespace.
fn soap(table: &Table<'_>, kind: XmlKind, namespaces: Vec<(String, String)>) -> Option<Syntax> {
    let needed = match kind {
        XmlKind::Plain => None,
        XmlKind::Soap11 => Some("http://schemas.xmlsoap.org/soap/envelope/"),
        XmlKind::Soap12 => Some("http://www.w3.org/2003/05/soap-envelope"),
    };
    match needed.filter(|uri| !namespaces.iter().any(|(_, known)| known == uri)) {
        None => Some(Syntax::Xml(Xml { kind, namespaces })),
        Some(uri) => table.wrong(
            "no prefix is declared for the namespace of SOAP",
            text!("add `s = \"{}\"` to `xml.namespaces`", uri),
        ),
    }
}

fn multipart(kind: MultipartKind, parts: Option<Vec<Part>>) -> Syntax {
    Syntax::Multipart(Multipart { kind, parts: parts.unwrap_or_default() })
}

fn parts(table: &mut Table<'_>, format: Option<Format>) -> Option<Option<Vec<Part>>> {
    let meaning = "parts that are not plain texts are written as `[[route.part]]`, for \
        `format = \"multipart-form\"` and `multipart-mixed`";
    let is_multipart = |format| matches!(format, Format::FormData | Format::Mixed);
    table.optional("part", meaning, |item| {
        let mut names = Vec::new();
        let parts = item.list(|item| item.table(|table| part(table, format, &mut names)));
        fits(item, format, is_multipart, parts)
    })
}

fn part(table: &mut Table<'_>, format: Option<Format>, names: &mut Vec<String>) -> Option<Part> {
    let meaning = "`name` is the part's name in the form; in `multipart-mixed` it is the number of \
        its place, counted from 0: `name = \"0\"`";
    let name = table.required("name", meaning, |item| {
        let name = word::text(item)?;
        let is_place = name.parse::<u32>().is_ok_and(|place| place.to_string() == name);
        if format == Some(Format::Mixed) && !is_place {
            return item.wrong("not the number of a place");
        }
        if names.contains(&name) {
            return item.wrong(text!("a second part `{}`", name));
        }
        names.push(name.clone());
        Some(name)
    });
    let words = [FORMATS.as_slice(), &[("opaque", Format::Opaque)]].concat();
    let format = table.required("format", FORMAT, |item| item.one_of(&words));
    let opaque = opaque(table, format);
    let syntax = one(table, format, opaque);
    Some(Part { name: name?, syntax: syntax? })
}

/// How the place is written that a path of the body leads to, and the steps within it.
pub(super) fn at<'s>(syntax: &'s Syntax, path: &'s FieldPath) -> (&'s Syntax, &'s [Segment]) {
    let segments = path.segments();
    let Syntax::Multipart(multipart) = syntax else { return (syntax, segments) };
    let Some((first, within)) = segments.split_first() else { return (syntax, segments) };
    let name = match (first, multipart.kind) {
        (Segment::Name(name), MultipartKind::FormData) => name.clone(),
        (Segment::Index(place), MultipartKind::Mixed) => place.to_string(),
        _ => return (syntax, segments),
    };
    let part = multipart.parts.iter().find(|part| part.name == name);
    (part.map_or(&Syntax::Text, |part| &part.syntax), within)
}

/// Whether a path can lead to a value of the body, or why not.
pub(super) fn leads_into(syntax: &Syntax, path: &FieldPath) -> Result<(), (Text, Text)> {
    let (here, within) = at(syntax, path);
    let members = path.is_key() || within.contains(&Segment::Members);
    if members && !matches!(here, Syntax::Json | Syntax::Ndjson) {
        return Err((
            "members by `.*` are of JSON only".into(),
            "name each of them in a line of its own".into(),
        ));
    }
    let help = match (here, within) {
        (Syntax::Json, _)
        | (Syntax::Ndjson, [Segment::Every, ..])
        | (Syntax::Csv(_), [Segment::Every, Segment::Name(_)])
        | (
            Syntax::Form,
            [Segment::Name(_)] | [Segment::Name(_), Segment::Every | Segment::Index(_)],
        )
        | (Syntax::Text | Syntax::Opaque(_), []) => return Ok(()),
        (Syntax::Xml(xml), [Segment::Name(_), ..]) => return prefixes(xml, within),
        (Syntax::Ndjson, _) => "a line of NDJSON is `$[*]`: write `$[*].name`",
        (Syntax::Csv(_), _) => "a row is `$[*]`, and a cell a member of it: write `$[*]['name']`",
        (Syntax::Form, _) => {
            "a form has names only: write `$.name`, or `$.name[*]` where it repeats"
        }
        (Syntax::Xml(_), _) => "begin with the name of the root element: `$.order.name`",
        (Syntax::Text | Syntax::Opaque(_), _) => {
            "such a content is one value: end the path there, or list its part with its `format`"
        }
        (Syntax::Multipart(Multipart { kind: MultipartKind::FormData, .. }), _) => {
            "begin with the name of a part: `$.learners`"
        }
        (Syntax::Multipart(_), _) => "begin with the number of a part: `$[0]`",
        (Syntax::Empty, _) => return Err(no_body()),
    };
    Err(("no value of the body can stand there".into(), help.into()))
}

/// What is said of a path into a body that is not there.
pub(super) fn no_body() -> (Text, Text) {
    let help = "map values of the request's path, query or header: `query.name`";
    ("the request has no body".into(), help.into())
}

/// Whether records can stand at a path, or why not.
pub(super) fn holds_records(syntax: &Syntax, records: &FieldPath) -> Result<(), (Text, Text)> {
    let (here, within) = at(syntax, records);
    match (here, within) {
        (Syntax::Csv(_), [Segment::Every]) => Ok(()),
        (Syntax::Csv(_), _) => {
            let help = "write `subjects = \"$[*]\"`: each row is a record";
            Err(("no row of the table".into(), help.into()))
        }
        (Syntax::Text | Syntax::Opaque(_) | Syntax::Form, _) => Err((
            "this body has no records".into(),
            "remove `subjects`: the whole request is one subject's".into(),
        )),
        _ => leads_into(syntax, records),
    }
}

/// Whether the value at a path can say whose a record is, or why not.
pub(super) fn says_whose(syntax: &Syntax, subject: &FieldPath) -> Result<(), (Text, Text)> {
    if is_opaque(syntax, subject) {
        let help = "write a path of the request's path, query or header, or of another part";
        return Err(("an opaque content does not say whose it is".into(), help.into()));
    }
    leads_into(syntax, subject)
}

/// Whether a path leads into a content that nobody looks into.
pub(super) fn is_opaque(syntax: &Syntax, path: &FieldPath) -> bool {
    matches!(at(syntax, path), (Syntax::Opaque(_), _))
}

fn prefixes(xml: &Xml, within: &[Segment]) -> Result<(), (Text, Text)> {
    let names = within.iter().filter_map(|segment| match segment {
        Segment::Name(name) => name.strip_prefix('@').unwrap_or(name).split_once(':'),
        _ => None,
    });
    let declared = |prefix: &str| xml.namespaces.iter().any(|(known, _)| known == prefix);
    let mut strange = names.filter(|(prefix, _)| *prefix != "xml" && !declared(prefix));
    strange.next().map_or(Ok(()), |(prefix, _)| {
        Err((
            text!("the prefix `{}` is not declared", prefix),
            text!("add `{} = \"…\"` to `xml.namespaces`, with the namespace's URI", prefix),
        ))
    })
}

/// Whether a path outside of the body can lead to a value, or why not.
pub(super) fn leads_into_head(path: &FieldPath) -> Result<(), (Text, Text)> {
    let help = match (path.root(), path.segments()) {
        _ if path.is_key() => "map each name in a line of its own",
        (Root::Path | Root::Header, [Segment::Name(_)])
        | (
            Root::Query,
            [Segment::Name(_)] | [Segment::Name(_), Segment::Every | Segment::Index(_)],
        ) => return Ok(()),
        (Root::Path, _) => "write `path.NAME` for the segment `{NAME}` of `request`",
        (Root::Header, _) => "write `header.NAME`, in lower case",
        _ => "write `query.NAME`, or `query.NAME[*]` where it repeats",
    };
    Err(("no value of the request can stand there".into(), help.into()))
}

const FORMAT: &str = "`format` is how the body is written: `json`, `ndjson`, `csv`, `xml`, \
    `soap-1.1`, `soap-1.2`, `form`, `multipart-form`, `multipart-mixed`, `opaque`, or `none`";

const FORMATS: [(&str, Format); 7] = [
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("csv", Format::Csv),
    ("xml", Format::Xml(XmlKind::Plain)),
    ("soap-1.1", Format::Xml(XmlKind::Soap11)),
    ("soap-1.2", Format::Xml(XmlKind::Soap12)),
    ("form", Format::Form),
];
const WHOLE_FORMATS: [(&str, Format); 4] = [
    ("multipart-form", Format::FormData),
    ("multipart-mixed", Format::Mixed),
    ("opaque", Format::Opaque),
    ("none", Format::Empty),
];
const OPAQUE: [(&str, Opaque); 3] =
    [("pdf", Opaque::Pdf), ("png", Opaque::Png), ("jpeg", Opaque::Jpeg)];
