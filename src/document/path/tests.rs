//! Promises of field paths.

use proptest::prelude::*;

use super::*;

fn names(names: &[&str]) -> FieldPath {
    body(names.iter().map(|name| Segment::Name((*name).to_owned())).collect())
}

fn body(segments: Vec<Segment>) -> FieldPath {
    FieldPath { segments, ..FieldPath::ROOT }
}

fn refusal(text: &str) -> (usize, &'static str) {
    let bad = FieldPath::parse(text).expect_err(text);
    (bad.at, bad.expected)
}

#[test]
fn every_form_of_the_subset_is_read() {
    let path = FieldPath::parse("$.learners[*].name['family'][0][\"x\"]").unwrap();
    let name = |name: &str| Segment::Name(name.to_owned());
    let expected = [
        name("learners"),
        Segment::Every,
        name("name"),
        name("family"),
        Segment::Index(0),
        name("x"),
    ];
    assert_eq!(path.segments(), expected);
    assert_eq!(FieldPath::parse("$").unwrap(), names(&[]));
    assert_eq!(FieldPath::parse("$.ёлка_1").unwrap(), names(&["ёлка_1"]));
    assert_eq!(FieldPath::parse("$[4294967295]").unwrap().segments(), [Segment::Index(u32::MAX)]);
}

#[test]
fn escapes_are_those_of_rfc_9535() {
    let path = FieldPath::parse(r#"$['\'"\\\/\b\f\n\r\t\u0041\uD83D\uDE00']["'\""]['']"#).unwrap();
    assert_eq!(path, names(&["'\"\\/\u{8}\u{c}\n\r\tA\u{1F600}", "'\"", ""]));
    assert_eq!(refusal(r#"$['\"']"#), (4, "an escape of RFC 9535"));
    assert_eq!(refusal(r#"$["\'"]"#), (4, "an escape of RFC 9535"));
    assert_eq!(refusal(r"$['\u00g0']"), (7, "a hexadecimal digit"));
    assert_eq!(refusal(r"$['\uD83D']"), (4, "a code point that is no lone surrogate"));
    assert_eq!(refusal(r"$['\uDE00']"), (4, "a code point that is no lone surrogate"));
    assert_eq!(refusal(r"$['\uD83D\u0041']"), (4, "a code point that is no lone surrogate"));
    assert_eq!(refusal(r"$['\uD83D\n']"), (10, "the second half of a surrogate pair"));
    assert_eq!(refusal("$['a\nb']"), (4, "an escape for the control character"));
}

#[test]
fn a_refusal_names_the_byte_and_what_should_stand_there() {
    for (text, at, expected) in [
        ("", 0, "`$`, `path`, `query` or `header`"),
        (".a", 0, "`$`, `path`, `query` or `header`"),
        ("body.a", 0, "`$`, `path`, `query` or `header`"),
        ("query", 5, "`.` and a name"),
        ("pathology.a", 4, "`.`, `[` or the end"),
        ("query.x-a", 7, "`.`, `[` or the end"),
        ("$.a~", 3, "`.`, `[` or the end"),
        ("$.a.*~.b", 5, "`.`, `[` or the end"),
        ("$a", 1, "`.`, `[` or the end"),
        ("$.a ", 3, "`.`, `[` or the end"),
        ("$.", 2, "a member's name"),
        ("$..a", 2, "a member's name"),
        ("$.1a", 2, "a member's name"),
        ("$.a-b", 3, "`.`, `[` or the end"),
        ("$[", 2, "`*`, a quoted name or a number counted from 0"),
        ("$[-1]", 2, "`*`, a quoted name or a number counted from 0"),
        ("$[?@.a]", 2, "`*`, a quoted name or a number counted from 0"),
        ("$[ 0]", 2, "`*`, a quoted name or a number counted from 0"),
        ("$[0", 3, "`]`"),
        ("$[0:1]", 3, "`]`"),
        ("$[0,1]", 3, "`]`"),
        ("$[01]", 3, "`]`"),
        ("$[00]", 3, "`]`"),
        ("$['a','b']", 5, "`]`"),
        ("$['a", 4, "a closing quote"),
        ("$['a\\", 5, "an escape of RFC 9535"),
        ("$[4294967296]", 2, "a number up to 4294967295"),
        ("$[99999999999999999999]", 2, "a number up to 4294967295"),
    ] {
        assert_eq!(refusal(text), (at, expected), "{text}");
    }
}

#[test]
fn a_path_begins_in_any_part_of_a_request() {
    for (text, root) in [
        ("$.a", Root::Body),
        ("path.iin", Root::Path),
        ("query.tag[*]", Root::Query),
        ("header.x-trace-id", Root::Header),
    ] {
        let path = FieldPath::parse(text).unwrap();
        assert_eq!((path.root(), path.to_string().as_str()), (root, text));
        assert!(!path.leads_to(&FieldPath::parse("$.iin").unwrap()));
        assert_eq!(path.below(&FieldPath::ROOT), path);
    }
}

#[test]
fn names_of_members_are_addressed_beside_their_values() {
    let path = |text| FieldPath::parse(text).unwrap();
    assert!(path("$.scores.*~").is_key() && !path("$.scores.*").is_key());
    assert_eq!(path("$~").below(&path("$.scores.*")), path("$.scores.*~"));
    assert!(path("$.scores.*").leads_to(&path("$.scores.*~")));
    assert!(!path("$.scores.*~").leads_to(&path("$.scores.*.a")));
}

#[test]
fn the_shortest_form_is_written() {
    for (text, shortest) in [
        ("$", "$"),
        ("$['a'][\"b\"]", "$.a.b"),
        ("$['first name']", "$['first name']"),
        ("$['1']", "$['1']"),
        ("$['']", "$['']"),
        (r#"$["it's"]"#, r"$['it\'s']"),
        (r"$['\u0001\u000B\n']", r"$['\u0001\u000b\n']"),
        ("$['ёлка'][10][*]", "$.ёлка[10][*]"),
    ] {
        assert_eq!(FieldPath::parse(text).unwrap().to_string(), shortest);
    }
}

#[test]
fn paths_join_and_lead_through_each_other() {
    let path = |text| FieldPath::parse(text).unwrap();
    assert_eq!(path("$.iin").below(&path("$.learners[*]")), path("$.learners[*].iin"));
    assert_eq!(path("$").below(&path("$.a")), path("$.a"));
    assert!(path("$.a").leads_to(&path("$.a")));
    assert!(path("$.a").leads_to(&path("$.a[0].b")));
    assert!(!path("$.a.b").leads_to(&path("$.a")));
    assert!(!path("$.a").leads_to(&path("$.ab")));
}

fn segments() -> impl Strategy<Value = Segment> {
    prop_oneof![
        any::<String>().prop_map(Segment::Name),
        "[a-z_][a-z0-9_]{0,3}".prop_map(Segment::Name),
        Just(Segment::Every),
        any::<u32>().prop_map(Segment::Index),
        Just(Segment::Members),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(segments in prop::collection::vec(segments(), 0..6)) {
        let path = body(segments);
        prop_assert_eq!(FieldPath::parse(&path.to_string()).unwrap(), path);
    }

    #[test]
    fn any_text_is_read_or_refused_inside_of_it(
        text in "(\\$|path|header)?[\\PC\\[\\]'\"\\\\.*~0-9u]{0,12}",
    ) {
        if let Err(bad) = FieldPath::parse(&text) {
            prop_assert!(bad.at <= text.len());
        }
    }
}
