//! Values as they stand in a body, and the text that they are.

use std::borrow::Cow;

use super::{csv, form, json, xml};

/// A value as it stands in a body.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    /// Its bytes; with their quotes, where the lexis has some.
    pub(crate) bytes: &'a [u8],
    /// How they are read.
    pub(crate) lexis: Lexis,
}

/// How the bytes of a value stand for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lexis {
    /// A string in quotes, a number or a word (RFC 8259).
    Json,
    /// A cell of a table, in quotes or without (RFC 4180).
    Csv,
    /// A name or value of a form or query, with `%` and `+` (URL Standard §5.1).
    Percent,
    /// A text as it is.
    Plain,
    /// Bytes that nobody looks into.
    Opaque,
    /// What stands between the tags of an element.
    XmlText,
    /// What stands between the quotes of an attribute.
    XmlAttribute,
}

/// A string, a number, or a word of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string, without its escapes.
    Text(Cow<'a, str>),
    /// A number as it is written.
    Number(&'a str),
    /// `true`, `false` or `null`.
    Word(&'a str),
}

impl<'a> Raw<'a> {
    /// What it is.
    pub(crate) fn scalar(&self) -> Scalar<'a> {
        match self.lexis {
            Lexis::Json => json::scalar(self.bytes),
            Lexis::Csv => Scalar::Text(csv::decode(self.bytes)),
            Lexis::Percent => Scalar::Text(form::decode(self.bytes)),
            Lexis::Plain | Lexis::Opaque => {
                Scalar::Text(str::from_utf8(self.bytes).unwrap_or_default().into())
            }
            Lexis::XmlText => Scalar::Text(xml::decode_text(self.bytes)),
            Lexis::XmlAttribute => Scalar::Text(xml::decode_attribute(self.bytes)),
        }
    }

    /// The text that identifies a subject, unless it is no text and no whole number, or empty.
    pub(crate) fn identity(&self) -> Option<Cow<'a, str>> {
        match self.scalar() {
            Scalar::Text(text) => Some(text),
            Scalar::Number(number) => Some(number.into()),
            Scalar::Word(_) => None,
        }
    }
}
