//! An OpenAPI document to a starting partner file.
//!
//! What comes out does not load before a person has confirmed each guess and filled each blank, so
//! that nothing is mapped by accident.

mod document;
mod fields;
mod guess;
mod node;
mod toml;
mod write;

use crate::document::FieldPath;
use crate::vocabulary::{Name, PurposeId};

/// What is known beside the document.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The partner's name; else one is made of the document's title.
    pub name: Option<Name>,
    /// The purposes of the routes.
    pub purposes: Vec<PurposeId>,
    /// Paths, from the root, of values that say whose a record is; a route takes the first that it
    /// has.
    pub subjects: Vec<FieldPath>,
}

/// The document cannot be read as OpenAPI. Its text is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDocument {
    /// It is larger than [`BYTES_MAX`].
    #[error("it is larger than {} MiB", BYTES_MAX >> 20)]
    TooLarge,
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is not JSON or YAML, as the reader says.
    #[error("it is not {0}: {1}")]
    Syntax(&'static str, String),
    /// It says nowhere that it is OpenAPI.
    #[error("it says neither `openapi: 3.…` nor `swagger: \"2.0\"`")]
    NotOpenApi,
}

/// The bytes of a document that is read.
pub const BYTES_MAX: usize = 8 << 20;

/// Writes a starting partner file, in TOML.
///
/// # Errors
/// Bytes that are no OpenAPI 3.0, 3.1 or Swagger 2.0 document in JSON or YAML, or too many of them.
pub fn import(document: &[u8], wishes: &Wishes) -> Result<String, BadDocument> {
    document::Document::read(document).map(|document| write::file(&document, wishes))
}

#[cfg(test)]
mod tests;
