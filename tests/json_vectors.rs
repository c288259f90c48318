//! Every file of `tests/vectors/json` is parsed and, where it is accepted, written again.
//!
//! How a vector is written: `support/vectors.rs`. `why` says what it is about.
//!
//! The fields are those of `FIELDS`, the records `$.learners[*]`, each with its `iin`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

#[path = "support/vectors.rs"]
mod vectors;

use std::sync::Arc;

use bytes::Bytes;
use otkel::document::{Document, FieldPath, Limits, Shape};
use vectors::all_of;

const FIELDS: [&str; 4] =
    ["$.note", "$.learners[*].iin", "$.learners[*].mark", "$.learners[*].tags[*]"];

#[test]
fn every_vector_does_what_it_says() {
    vectors::hold("json", 100, str::to_owned, |vector| {
        let body = Bytes::from(vector.body());
        let document = Document::parse(body, shape(), &Limits::default())?;
        Ok(String::from_utf8(all_of(&document, 4)).unwrap())
    });
}

fn shape() -> Arc<Shape> {
    let path = |text| FieldPath::parse(text).unwrap();
    let (subjects, subject) = (path("$.learners[*]"), path("$.learners[*].iin"));
    Arc::new(Shape::compile(&FIELDS.map(path), Some(&subjects), &subject).unwrap())
}
