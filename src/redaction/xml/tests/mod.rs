//! Promises of writing XML.

mod model;
mod tree;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use crate::document::{
    BadDocument, Document, Fault, FieldId, FieldPath, FieldSet, Limits, Raw, Scalar, Shape,
};
use crate::redaction::changes::{Changes, change, changes_of};
use crate::redaction::edit::{Edit, Edits, New};
use crate::redaction::{Selection, select, write as write_document};
use model::{Model, Refused};
use tree::{Item, Tree, is_blank, read, spell};

/// The namespaces of the rules.
const NAMESPACES: [(&str, &str); 2] = [("e", "urn:e"), ("o", "urn:o")];

fn set(fields: &[FieldId]) -> FieldSet {
    fields.iter().copied().collect()
}

fn parse(body: &str, shape: &Arc<Shape>) -> Document {
    Document::parse(Bytes::copy_from_slice(body.as_bytes()), Arc::clone(shape), &Limits::default())
        .unwrap()
}

/// What is written of a body for one verdict on all records.
fn kept(body: &str, model: &Model, outside: &[FieldId], inside: &[FieldId]) -> String {
    let document = parse(body, &model.shape());
    let records = vec![Some(0); document.records().len()];
    let (outside, verdicts) = (set(outside), [set(inside)]);
    let selection = Selection { outside: &outside, records: &records, verdicts: &verdicts };
    let out = String::from_utf8(select(&document, &selection)).unwrap();
    out.replace(DECLARED, "")
}

/// The declarations that every root has.
const DECLARED: &str = r#" xmlns:e="urn:e" xmlns:o="urn:o""#;

fn learners() -> Model {
    Model::new(
        &[
            "$.r.batch",
            "$.r.l[*].iin",
            "$.r.l[*].name.family",
            "$.r.l[*].mark[*]",
            "$.r.l[*].row[1]",
            "$.r.l[*]['@id']",
            "$.r.l[*].note['#text']",
            "$.r.l[*].note['@e:lang']",
        ],
        Some("$.r.l[*]"),
        "$.r.l[*].iin",
    )
}

#[test]
fn an_element_that_lost_everything_goes() {
    let body = "<r><batch>1</batch><l id='a'><iin>1</iin><name><family>2</family></name></l>\
        <l><name/><x/></l><l><name> </name></l></r>";
    let of = |outside: &[FieldId], inside: &[FieldId]| kept(body, &learners(), outside, inside);
    assert_eq!(of(&[], &[1]), "<r><l><iin>1</iin></l><l><name/></l><l><name/></l></r>");
    assert_eq!(of(&[0], &[5]), "<r><batch>1</batch><l id='a'/><l><name/></l><l><name/></l></r>");
    let lost = "<r><l id='a'><iin>1</iin></l><l>text</l><l><x/></l><l a='b'/></r>";
    assert_eq!(kept(lost, &learners(), &[0], &[2]), "<r/>");
    assert_eq!(kept("<r><l/><l></l></r>", &learners(), &[0], &[2]), "<r><l/><l/></r>");
}

#[test]
fn an_element_with_an_empty_text_that_is_kept_stays() {
    let body = "<r><l><note e:lang='kk' xmlns:e='urn:e'><![CDATA[]]></note><iin></iin></l></r>";
    let text = "<r><l><note><![CDATA[]]></note></l></r>";
    assert_eq!(kept(body, &learners(), &[], &[6]), text);
    assert_eq!(kept(body, &learners(), &[], &[1]), "<r><l><iin></iin></l></r>");
}

#[test]
fn numbered_elements_keep_their_numbers() {
    let body = "<r><l><row>1</row><iin>x</iin><row>2</row></l><l><row>1</row></l><l><row/></l></r>";
    assert_eq!(kept(body, &learners(), &[], &[4]), "<r><l><row/><row>2</row></l></r>");
    let nested = Model::new(&["$.r.a[0].b", "$.r.a[2].b", "$.r.a[2].c", "$.r.d[1]"], None, "$.r.i");
    let body = "<r><a><b>1</b></a><d/><a>2</a><a><b>3</b><c>4</c></a><d>5</d></r>";
    assert_eq!(kept(body, &nested, &[], &[2]), "<r><a/><a/><a><c>4</c></a></r>");
    assert_eq!(kept(body, &nested, &[], &[0]), "<r><a><b>1</b></a></r>");
    assert_eq!(kept(body, &nested, &[], &[3]), "<r><d/><d>5</d></r>");
    assert_eq!(kept(body, &nested, &[], &[]), "<r/>");
}

#[test]
fn a_record_that_is_left_out_vanishes() {
    let body = "<r><l id='1'><iin>1</iin></l><l/><l><iin>3</iin></l><batch>4</batch></r>";
    let document = parse(body, &learners().shape());
    let (outside, verdicts) = (set(&[0]), [set(&[1]), set(&[2])]);
    let of = |records: &[Option<usize>]| {
        let selection = Selection { outside: &outside, records, verdicts: &verdicts };
        String::from_utf8(select(&document, &selection)).unwrap().replace(DECLARED, "")
    };
    let end = "<batch>4</batch></r>";
    assert_eq!(of(&[Some(0), None, None]), format!("<r><l><iin>1</iin></l>{end}"));
    assert_eq!(of(&[None, Some(0), Some(1)]), format!("<r><l/>{end}"));
    assert_eq!(of(&[]), format!("<r>{end}"), "a record without a decision");
    assert_eq!(of(&[Some(9); 3]), format!("<r>{end}"), "a verdict that is not there");
}

#[test]
fn a_root_that_is_left_out_is_empty() {
    let model = Model::new(&["$.r.a", "$.r.b.c"], Some("$.r"), "$.r.iin");
    let document = parse("<r><a>1</a><b/></r>", &model.shape());
    let all = set(&[0, 1]);
    let selection = Selection { outside: &all, records: &[None], verdicts: &[all] };
    let out = String::from_utf8(select(&document, &selection)).unwrap();
    assert_eq!(out, format!("<r{DECLARED}/>"));
}

#[test]
fn a_root_may_be_a_field() {
    let model = Model::new(&["$.r"], None, "$.s");
    assert_eq!(kept("<r a='1'>x<!-- y -->z</r>", &model, &[], &[0]), "<r>xz</r>");
    assert_eq!(kept("<r>x</r>", &model, &[], &[]), "<r/>");
    assert_eq!(kept("<r>x<y/></r>", &model, &[], &[0]), "<r/>");
}

#[test]
fn no_name_and_no_prefix_of_the_caller_is_written() {
    let body = "<r xmlns:iin850101300123='urn:e' xmlns:a='urn:850101300123'><l>\
        <note iin850101300123:lang='kk' a:b='c'>x</note></l></r>";
    let expected = format!("<r{DECLARED}><l><note e:lang='kk'>x</note></l></r>");
    let document = parse(body, &learners().shape());
    let all = set(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let selection = Selection { outside: &all, records: &[Some(0)], verdicts: &[all] };
    assert_eq!(String::from_utf8(select(&document, &selection)).unwrap(), expected);
}

/// Removes one field, replaces others by a text that has to be escaped, and keeps the rest.
struct Replaced;

impl Edits for Replaced {
    fn enter(&mut self, _verdict: Option<usize>) {}

    fn edit(&mut self, field: FieldId, raw: Raw<'_>) -> Edit {
        match field {
            0 => Edit::Remove,
            1 => Edit::Put(New::Null),
            2 => Edit::Put(New::Number("-5".to_owned())),
            3 => Edit::Keep,
            _ => match raw.scalar() {
                Scalar::Text(text) => Edit::Put(New::Text(format!("<{text}>&\"'\n]]>"))),
                Scalar::Number(_) | Scalar::Word(_) => Edit::Keep,
            },
        }
    }

    fn formula(&mut self, _field: FieldId) {}
}

#[test]
fn new_values_are_escaped() {
    let body = "<r><batch>1</batch><l id='a&amp;'><iin>1</iin><name><family/></name><mark>5</mark>\
        <note xml:lang='x'>b</note></l></r>";
    let document = parse(body, &learners().shape());
    let all = set(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let selection = Selection { outside: &all, records: &[Some(0)], verdicts: &[all] };
    let out = write_document(&document, &selection, &mut Replaced).body;
    let expected = "<l id=\"&lt;a&amp;>&amp;&quot;'&#10;]]>\"><iin></iin>\
        <name><family>-5</family></name>\
        <mark>5</mark><note>&lt;b&gt;&amp;\"'\n]]&gt;</note></l>";
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out, format!("<r{DECLARED}>{expected}</r>"));
    assert!(read(&out).is_some());
}

#[test]
fn the_space_reserved_is_what_everything_takes() {
    let body =
        "<?xml version='1.0'?><r><batch>1</batch><l id='2'><iin>1</iin><mark>5</mark></l></r>";
    let document = parse(body, &learners().shape());
    let all = set(&[0, 1, 2, 3, 4, 5]);
    let selection = Selection { outside: &all, records: &[Some(0)], verdicts: &[all] };
    let length = select(&document, &selection).len();
    let [piece] = document.pieces() else { panic!("one body") };
    let crate::document::Tape::Xml(tape) = &piece.tape else { panic!("not XML") };
    assert!((length..length + 16).contains(&tape.copied), "{length}, {}", tape.copied);
}

/// Documents of known names, renamed ones and unknown ones, in places right and wrong.
fn documents() -> impl Strategy<Value = Tree> {
    let name = prop::sample::select(vec![
        "l", "l", "g", "iin", "name", "family", "mark", "row", "note", "batch", "e:iin", "e:mark",
        "o:note", "?:iin", "Iin", "есім", "іin",
    ]);
    let attribute =
        prop::sample::select(vec!["id", "e:lang", "o:lang", "?:id", "xml:lang", "lang"]);
    let value = "[a-zа-я0-9 <>&\"'\t\n\r]{0,4}";
    let attributes = prop::collection::btree_map(attribute.prop_map(String::from), value, 0..3)
        .prop_map(|map| map.into_iter().collect::<Vec<_>>());
    let text = "[a-zа-я0-9 <>&\"'\\]\t\n\r]{1,5}|[ \n]{1,3}".prop_map(Item::Text);
    let leaf = (name.clone(), attributes.clone(), prop::option::of(text.clone())).prop_map(
        |(name, attributes, text)| Tree {
            name: name.to_owned(),
            attributes,
            content: text.into_iter().collect(),
        },
    );
    let element = leaf.prop_recursive(5, 40, 6, move |inner| {
        let item = prop_oneof![5 => inner.prop_map(Item::Element), 1 => text.clone()];
        (name.clone(), attributes.clone(), prop::collection::vec(item, 0..6)).prop_map(
            |(name, attributes, content)| Tree { name: name.to_owned(), attributes, content },
        )
    });
    element.prop_map(|tree| Tree { name: "r".to_owned(), ..tree }.merged())
}

impl Tree {
    /// Joins texts that stand next to each other.
    fn merged(self) -> Self {
        let mut content: Vec<Item> = Vec::new();
        for item in self.content {
            match (content.last_mut(), item) {
                (Some(Item::Text(before)), Item::Text(text)) => before.push_str(&text),
                (_, Item::Text(text)) => content.push(Item::Text(text)),
                (_, Item::Element(tree)) => content.push(Item::Element(tree.merged())),
            }
        }
        Self { content, ..self }
    }
}

fn models() -> impl Strategy<Value = Model> {
    prop::sample::select(vec![
        learners(),
        Model::new(&["$.r.l[*].iin", "$.r['@id']", "$.r.note['#text']"], None, "$.r.batch"),
        Model::new(
            &[
                "$.r.g[*].name[*]",
                "$.r.g[*].l[*]['e:mark'][*]",
                "$.r.g[*].l[*]['#text']",
                "$.r.row[2]",
            ],
            Some("$.r.g[*].l[*]"),
            "$.r.g[*].l[*].iin[0]",
        ),
        Model::new(
            &[
                "$.r['e:iin'][*]",
                "$.r['o:note'][0]['@o:lang']",
                "$.r.l[0].name[*].family[*]",
                "$.r.l[2].mark[*]",
            ],
            None,
            "$.r['@xml:lang']",
        ),
        Model::new(&["$.r.iin", "$.r['@id']", "$.r.l[*].l[*].l[*]"], Some("$.r"), "$.r.iin"),
    ])
}

/// The fields kept outside, the record verdicts, and their sets.
type Choice = (FieldSet, Vec<Option<usize>>, Vec<FieldSet>);

fn choices() -> impl Strategy<Value = Choice> {
    let fields = || prop::collection::vec(0_u8..8, 0..8).prop_map(|fields| set(&fields));
    let verdicts = prop::collection::vec(prop::option::weighted(0.8, 0_usize..3), 0..8);
    (fields(), verdicts, prop::collection::vec(fields(), 3))
}

/// What `roxmltree` reads of what is written; nothing where nothing is written.
fn written(document: &Document, (outside, records, verdicts): &Choice) -> Option<Tree> {
    let out = select(document, &Selection { outside, records, verdicts });
    let text = str::from_utf8(&out).unwrap();
    (!text.is_empty()).then(|| read(text).unwrap().without_blanks())
}

/// The paths of all values, each with its own number, and the values.
fn leaves(tree: &Tree, path: &FieldPath, found: &mut Vec<(String, String)>) {
    let step = |segment: &str| {
        FieldPath::parse(&format!("$['{segment}']")).unwrap().below(path).to_string()
    };
    let mut elements = tree.elements().peekable();
    for (name, value) in &tree.attributes {
        found.push((step(&format!("@{name}")), value.clone()));
    }
    if elements.peek().is_none() && tree.attributes.is_empty() {
        let text = tree.texts().next().unwrap_or_default();
        found.push((path.to_string(), text.to_owned()));
        return;
    }
    let is_mixed = elements.peek().is_some();
    let texts = tree.texts().filter(|text| !is_mixed || !is_blank(text));
    found.extend(texts.map(|text| (step("#text"), text.to_owned())));
    let mut seen: Vec<&str> = Vec::new();
    for child in elements {
        let count = tree.elements().filter(|other| other.name == child.name).count();
        let number = seen.iter().filter(|name| **name == child.name).count();
        seen.push(&child.name);
        let below = if count > 1 { format!("[{number}]") } else { String::new() };
        let below = FieldPath::parse(&format!("$['{}']{below}", child.name)).unwrap().below(path);
        leaves(child, &below, found);
    }
}

/// What is wrong by the rules alone, or what `roxmltree` does not mind: any XML declaration, any
/// target of a processing instruction, names that begin with a colon, and namespaces that are
/// reserved or undone.
fn is_stricter(bad: &BadDocument, body: &[u8]) -> bool {
    let before = body.get(..bad.offset).unwrap_or_default();
    let is_in_instruction = || {
        let text = String::from_utf8_lossy(before);
        text.rfind("<?") > text.rfind("?>")
    };
    let is_at_colon = || before.ends_with(b":") || body.get(bad.offset) == Some(&b':');
    match bad.fault {
        Fault::RepeatedElement
        | Fault::TextInPieces
        | Fault::UnknownRoot
        | Fault::BadDeclaration
        | Fault::EncodingMismatch
        | Fault::BadNamespace => true,
        Fault::BadName => is_in_instruction() || is_at_colon(),
        _ => false,
    }
}

/// Damage by bytes that mean something in XML.
fn changes() -> impl Strategy<Value = Changes> {
    changes_of(b"<>/=\"'&;#x!?-[]: lr\n\0", 0..3)
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_document_is_spelled_as_it_is(tree in documents(), noise in noise()) {
        let text = spell(&tree, &noise);
        let again = read(&text);
        prop_assert_eq!(again.map(Tree::without_blanks), Some(tree.without_blanks()), "{}", text);
    }

    #[test]
    fn everything_kept_is_the_same_document(tree in documents(), noise in noise()) {
        let tree = known(tree);
        let mut found = Vec::new();
        leaves(&tree, &FieldPath::parse("$.r").unwrap(), &mut found);
        let mut paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        prop_assume!(paths.len() <= 256);
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        prop_assume!(paths.len() == count, "text in pieces");
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        let model = Model::new(&paths, None, "$.other");
        let body = spell(&tree, &noise);
        let document = parse(&body, &model.shape());
        let values: Vec<String> = document.values().map(|value| match value.scalar {
            Scalar::Text(text) => text.into_owned(),
            Scalar::Number(_) | Scalar::Word(_) => unreachable!(),
        }).collect();
        let read: Vec<String> = found.into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(sorted(values), sorted(read));
        let all: Vec<FieldId> = (0..=255).collect();
        let out = written(&document, &(set(&all), vec![Some(0)], vec![set(&all)]));
        prop_assert_eq!(out, Some(tree.without_blanks()), "{}", body);
    }

    #[test]
    fn what_is_written_is_what_the_model_keeps(
        tree in documents(), noise in noise(), model in models(), choice in choices(),
    ) {
        let body = spell(&tree, &noise);
        let parsed = Document::parse(Bytes::from(body.clone()), model.shape(), &Limits::default());
        let found = parsed.map(|document| written(&document, &choice)).map_err(|_| Refused);
        let expected = model.redact(&tree, &choice).map(|rest| rest.map(Tree::without_blanks));
        prop_assert_eq!(found, expected, "{}", body);
    }

    #[test]
    fn nothing_kept_leaves_no_value(tree in documents(), noise in noise(), model in models()) {
        let body = Bytes::from(spell(&tree, &noise));
        if let Ok(document) = Document::parse(body, model.shape(), &Limits::default()) {
            let records = vec![Some(0); document.records().len()];
            let none = FieldSet::EMPTY;
            let selection = Selection { outside: &none, records: &records, verdicts: &[none] };
            let out = String::from_utf8(select(&document, &selection)).unwrap();
            let mut values = Vec::new();
            read(&out).unwrap().values(&mut values);
            prop_assert_eq!(values, Vec::<String>::new(), "{}", out);
        }
    }

    #[test]
    fn whatever_is_accepted_reads_the_same_elsewhere(
        tree in documents(), noise in noise(), model in models(), choice in choices(),
        changes in changes(),
    ) {
        let mut body = spell(&tree, &noise).into_bytes();
        change(&mut body, changes);
        let theirs = str::from_utf8(&body).ok().and_then(read);
        let body = Bytes::from(body);
        match Document::parse(body.clone(), model.shape(), &Limits::default()) {
            Ok(document) => {
                prop_assert!(theirs.is_some(), "accepted here alone");
                let expected = model.redact(&theirs.unwrap(), &choice);
                let expected = expected.map(|rest| rest.map(Tree::without_blanks));
                prop_assert_eq!(Ok(written(&document, &choice)), expected);
            }
            Err(bad) => {
                let is_right = theirs.is_none() || is_stricter(&bad, &body);
                prop_assert!(is_right, "{} {:?}", bad, body);
            }
        }
    }

    #[test]
    fn no_bytes_break_the_parser(body in any::<Vec<u8>>(), model in models()) {
        let length = body.len();
        let parsed = Document::parse(Bytes::from(body), model.shape(), &Limits::default());
        prop_assert!(parsed.map_or_else(|bad| bad.offset <= length, |_| true));
    }
}

/// The same with names of the rules' namespaces only.
fn known(mut tree: Tree) -> Tree {
    tree.name = tree.name.replace('?', "o");
    for (name, _) in &mut tree.attributes {
        *name = name.replace('?', "o");
    }
    tree.attributes.sort();
    for item in &mut tree.content {
        if let Item::Element(element) = item {
            *element = known(std::mem::take(element));
        }
    }
    tree
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort_unstable();
    values
}
