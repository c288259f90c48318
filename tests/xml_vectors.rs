//! Every file of `tests/vectors/xml` is parsed and, where it is accepted, written again.
//!
//! How a vector is written: `support/vectors.rs`. Besides it has:
//! - `why`: what the vector is about;
//! - `kind`: `plain`, `soap-1.1` or `soap-1.2`;
//! - `charset`: what the body was converted from, if it was;
//! - `values`: the values of the fields as JSON, where they are not as they stand in the output.
//!
//! The records are the learners, each with its `iin`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

#[path = "support/vectors.rs"]
mod vectors;

use std::sync::Arc;

use bytes::Bytes;
use otkel::document::{Content, Document, FieldPath, Limits, Scalar, Shape, Syntax, Xml, XmlKind};
use vectors::all_of;

/// The fields of a learner, below the element that holds the learners.
const FIELDS: [&str; 8] = [
    "$.learner[*].iin",
    "$.learner[*]['@id']",
    "$.learner[*].name.family",
    "$.learner[*].tag[*]",
    "$.learner[*].period[1]",
    "$.learner[*]['e:mark']",
    "$.learner[*].remark['#text']",
    "$.learner[*].remark['@e:lang']",
];

#[test]
fn every_vector_does_what_it_says() {
    vectors::hold("xml", 130, str::to_owned, |vector| {
        let charset = vector.head.get("charset").map(|charset| (*charset).to_owned());
        let content = Content { charset, ..Bytes::from(vector.body()).into() };
        let document = Document::parse(content, shape(vector.head["kind"]), &Limits::default())?;
        if let Some(expected) = vector.head.get("values") {
            let expected: Vec<String> = serde_json::from_str(expected).expect(vector.name);
            assert_eq!(values(&document), expected, "{}", vector.name);
        }
        Ok(String::from_utf8(all_of(&document, 9)).unwrap().replace('\n', "\\n"))
    });
}

fn shape(kind: &str) -> Arc<Shape> {
    let (kind, soap, root) = match kind {
        "plain" => (XmlKind::Plain, None, "$.order"),
        "soap-1.1" => {
            let soap = "http://schemas.xmlsoap.org/soap/envelope/";
            (XmlKind::Soap11, Some(soap), "$['s:Envelope']['s:Body']['e:enrol']")
        }
        "soap-1.2" => {
            let soap = "http://www.w3.org/2003/05/soap-envelope";
            (XmlKind::Soap12, Some(soap), "$['s:Envelope']['s:Body']['e:enrol']")
        }
        other => panic!("{other} is no kind"),
    };
    let own = ("e".to_owned(), "urn:example:enrol".to_owned());
    let soap = soap.map(|uri| ("s".to_owned(), uri.to_owned()));
    let namespaces = soap.into_iter().chain([own]).collect();
    let root = FieldPath::parse(root).unwrap();
    let path = |text| FieldPath::parse(text).unwrap().below(&root);
    let fields: Vec<FieldPath> = FIELDS.iter().copied().chain(["$.note"]).map(path).collect();
    let syntax = Syntax::Xml(Xml { kind, namespaces });
    let (subjects, subject) = (path("$.learner[*]"), path("$.learner[*].iin"));
    Arc::new(Shape::of(syntax, &fields, Some(&subjects), &subject).unwrap())
}

fn values(document: &Document) -> Vec<String> {
    let text = |value: otkel::document::Value<'_>| match value.scalar {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Number(other) | Scalar::Word(other) => panic!("{other} is no text"),
    };
    document.values().map(text).collect()
}
