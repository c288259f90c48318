//! Promises of shapes.

use super::*;

fn paths(paths: &[&str]) -> Vec<FieldPath> {
    paths.iter().map(|path| FieldPath::parse(path).unwrap()).collect()
}

fn compile(fields: &[&str], subjects: Option<&str>, subject: &str) -> Result<Shape, BadShape> {
    let subjects = subjects.map(|path| FieldPath::parse(path).unwrap());
    Shape::compile(&paths(fields), subjects.as_ref(), &FieldPath::parse(subject).unwrap())
}

fn refusal(fields: &[&str], subjects: Option<&str>, subject: &str) -> BadShape {
    compile(fields, subjects, subject).expect_err(subject)
}

#[test]
fn fields_that_contradict_each_other_are_named() {
    let one = |fields| refusal(fields, None, "$.iin");
    assert_eq!(one(&["$.a", "$.b", "$['a']"]), BadShape::Twice(0, 2));
    assert_eq!(one(&["$.x", "$.a.b", "$.a"]), BadShape::Inside(1, 2));
    assert_eq!(one(&["$.a", "$.a[*].b"]), BadShape::Inside(1, 0));
    assert_eq!(one(&["$.a[*]", "$.a[0]"]), BadShape::EveryAndIndex(0, 1));
    assert_eq!(one(&["$.a[0].b", "$.a[*].c"]), BadShape::EveryAndIndex(0, 1));
    assert_eq!(one(&["$"]), BadShape::SubjectsMapped(0));
}

#[test]
fn subjects_and_fields_do_not_overlap() {
    let below = |fields| refusal(fields, Some("$.l[*]"), "$.l[*].iin");
    assert_eq!(below(&["$.x", "$.l[*]"]), BadShape::SubjectsMapped(1));
    assert_eq!(below(&["$.l"]), BadShape::SubjectsMapped(0));
    assert_eq!(below(&["$.l[0].name"]), BadShape::EveryAndIndex(0, 0));
    assert_eq!(below(&["$.l[*].iin.text"]), BadShape::SubjectInside(0));
    assert_eq!(refusal(&["$.ids"], None, "$.ids.iin"), BadShape::SubjectInside(0));
    assert_eq!(refusal(&["$.ids[*]"], None, "$.ids[0]"), BadShape::EveryAndIndex(0, 0));
}

#[test]
fn a_record_has_one_subject_inside_of_it() {
    let of = |subject| refusal(&[], Some("$.l[*]"), subject);
    assert_eq!(of("$.iin"), BadShape::SubjectOutside);
    assert_eq!(of("$.l[*]"), BadShape::SubjectOutside);
    assert_eq!(of("$.l[0].iin"), BadShape::SubjectOutside);
    assert_eq!(of("$.l[*].ids[*]"), BadShape::SubjectMany);
    assert_eq!(refusal(&[], None, "$.l[*].iin"), BadShape::SubjectMany);
    assert_eq!(refusal(&[], None, "$"), BadShape::SubjectOutside);
    assert!(compile(&[], Some("$.g[*].l[*]"), "$.g[*].l[*].ids[0]").is_ok());
}

#[test]
fn members_leave_only_with_names_that_are_mapped() {
    let one = |fields| compile(fields, None, "$.iin").map(|_| ()).map_err(|bad| bad.to_string());
    assert!(one(&["$.scores.*~", "$.scores.*"]).is_ok());
    assert!(one(&["$.s.*.a", "$.s.*.b", "$.s.*~"]).is_ok());
    assert_eq!(refusal(&["$.x", "$.s.*"], None, "$.iin"), BadShape::Members(1, 1));
    assert_eq!(refusal(&["$.s.*~", "$.s.*.*"], None, "$.iin"), BadShape::Members(1, 1));
    assert_eq!(refusal(&["$.s.*~", "$.s.a"], None, "$.iin"), BadShape::Members(0, 1));
    assert_eq!(refusal(&["$.s", "$.s.*~"], None, "$.iin"), BadShape::Inside(1, 0));
    assert_eq!(refusal(&["$.s.*~", "$.s.*.*~", "$.s.*"], None, "$.iin"), BadShape::Inside(1, 2));
    let subjects = Some("$.s.*");
    assert!(compile(&["$.s.*~", "$.s.*.a"], subjects, "$.s.*~").is_ok());
    assert_eq!(refusal(&["$.s.x"], subjects, "$.s.*~"), BadShape::Members(0, 0));
    assert_eq!(refusal(&[], subjects, "$.s.*~"), BadShape::SubjectOutside);
    assert_eq!(refusal(&["$.s.*~"], None, "$.s.*~"), BadShape::SubjectMany);
}

#[test]
fn a_whole_request_is_one_record_wherever_its_subject_stands() {
    let fields = ["$.a", "query.email", "header.x-id", "path.iin"];
    let shape = compile(&fields, None, "path.iin").unwrap();
    assert!(shape.is_whole() && (0..4).all(|field| shape.in_record(field)));
    let shape = compile(&fields, Some("$.l[*]"), "$.l[*].iin").unwrap();
    assert!(!shape.is_whole() && !(0..4).any(|field| shape.in_record(field)));
    assert_eq!(refusal(&[], Some("$.l[*]"), "path.iin"), BadShape::SubjectOutside);
}

#[test]
fn a_shape_holds_256_fields_and_no_more() {
    let fields = |count: usize| -> Vec<FieldPath> {
        (0..count).map(|n| FieldPath::parse(&format!("$.f{n}")).unwrap()).collect()
    };
    let subject = FieldPath::parse("$.iin").unwrap();
    assert!(Shape::compile(&fields(256), None, &subject).is_ok());
    assert_eq!(Shape::compile(&fields(257), None, &subject).unwrap_err(), BadShape::TooMany);
}

#[test]
fn fields_know_whether_they_belong_to_a_record() {
    let shape = compile(&["$.batch", "$.l[*].a"], Some("$.l[*]"), "$.l[*].iin").unwrap();
    assert_eq!((shape.in_record(0), shape.in_record(1)), (false, true));
    let shape = compile(&["$.batch", "$.l[*].a"], None, "$.iin").unwrap();
    assert!(shape.in_record(0) && shape.in_record(1));
}

#[test]
fn a_node_finds_its_children_by_name_and_number() {
    let shape = compile(&["$.a", "$.b.c", "$.d[3]", "$.e[*]"], None, "$.iin").unwrap();
    let root = shape.node(Shape::ROOT);
    let member = |name: &str, hint| root.member(Print::of(name.as_bytes()), name.as_bytes(), hint);
    let (b, position) = member("b", 0).unwrap();
    assert_eq!(Some((b, position)), member("b", position));
    assert_eq!(root.name(position), Some("b"));
    assert_eq!(member("c", 0), None);
    assert!(shape.node(b).is_object() && !shape.node(b).is_array());

    let d = shape.node(member("d", 9).unwrap().0);
    assert!(d.is_numbered() && d.element(2).is_none());
    assert_eq!(shape.node(d.element(3).unwrap()).field, Some(2));
    let e = shape.node(member("e", 9).unwrap().0);
    assert!(e.is_array() && !e.is_numbered());
    assert_eq!(shape.node(e.element(7).unwrap()).field, Some(3));
}

#[test]
fn shapes_are_compared_by_their_records_and_subjects() {
    let shape = |fields: &[&str], records, subject| compile(fields, records, subject).unwrap();
    let one = shape(&["$.l[*].a"], Some("$.l[*]"), "$.l[*].iin");
    let more = shape(&["$.z", "$.l[*].x.y", "$.l[*].iin"], Some("$.l[*]"), "$.l[*].iin");
    assert!(one.has_records_of(&more) && more.has_records_of(&one));
    for other in [
        shape(&["$.l[*].a"], Some("$.l[*]"), "$.l[*].id"),
        shape(&["$.l[*].a"], Some("$.m[*]"), "$.m[*].iin"),
        shape(&["$.l[0].a"], Some("$.l[0]"), "$.l[0].iin"),
        shape(&["$.a"], None, "$.iin"),
    ] {
        assert!(!one.has_records_of(&other) && !other.has_records_of(&one));
    }
}
