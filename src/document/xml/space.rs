//! Namespaces in XML 1.0 (third edition): which prefix means what here.
//!
//! Invariants:
//! - every namespace has one number while it is in scope, so names are compared by number;
//! - no input makes this slow: at most `SPACES_MAX` declarations are in scope.

use super::super::fault::Fault;
use super::super::span::{Span, offset};
use super::super::syntax::Xml;
use super::scan::{QName, is_same};
use super::text::decode_attribute;

/// The number of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Space(u32);

impl Space {
    /// No namespace.
    pub(super) const NONE: Self = Self(0);
    const XML: Self = Self(1);
    pub(super) const SOAP_1_1: Self = Self(2);
    pub(super) const SOAP_1_2: Self = Self(3);
}

/// The namespaces with numbers of their own; those of the rules follow.
const FIXED: [&str; 4] = [
    "",
    XML,
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
];
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// Declarations in scope at one place: far more than documents have.
pub(super) const SPACES_MAX: usize = 64;

/// The namespaces that are declared here.
pub(super) struct Spaces<'a> {
    body: &'a [u8],
    /// The namespaces that have a number from the start, by their numbers.
    known: Vec<Known<'a>>,
    bound: Vec<Binding>,
    /// How many of them there were before the element that was opened last.
    opened: u32,
    /// The number of the next namespace that nothing names.
    next: u32,
}

/// A namespace, with the prefixes by which the rules know its names; empty for none.
struct Known<'a> {
    uri: &'a str,
    elements: Option<&'a str>,
    attributes: Option<&'a str>,
}

#[derive(Clone, Copy)]
struct Binding {
    prefix: Span,
    uri: Span,
    space: Space,
}

impl<'a> Spaces<'a> {
    pub(super) fn new(body: &'a [u8], xml: &'a Xml) -> Self {
        let rules = || xml.namespaces.iter().map(|(prefix, uri)| (prefix.as_str(), uri.as_str()));
        let others = rules().map(|(_, uri)| uri).filter(|uri| !FIXED.contains(uri));
        let known = FIXED.into_iter().chain(others).map(|uri| {
            let mut prefixes = rules().filter(|(_, known)| *known == uri).map(|(prefix, _)| prefix);
            let elements = prefixes.clone().next();
            Known { uri, elements, attributes: prefixes.find(|prefix| !prefix.is_empty()) }
        });
        let mut known: Vec<_> = known.collect();
        if let [none, own, ..] = &mut *known {
            let has_default = rules().any(|(prefix, _)| prefix.is_empty());
            none.elements = (!has_default).then_some("");
            none.attributes = Some("");
            (own.elements, own.attributes) = (Some("xml"), Some("xml"));
        }
        let next = offset(known.len());
        Self { body, known, bound: Vec::new(), opened: 0, next }
    }

    /// Opens an element, whose declarations follow.
    #[inline]
    pub(super) fn open(&mut self) {
        self.opened = offset(self.bound.len());
    }

    /// How many declarations there were before the element that was opened last.
    #[inline]
    pub(super) fn opened(&self) -> u32 {
        self.opened
    }

    /// Closes an element before which there were so many declarations.
    #[inline]
    pub(super) fn close(&mut self, opened: u32) {
        self.bound.truncate(opened as usize);
    }

    /// Declares a prefix, or the default namespace by an empty one (§2.2, §3).
    pub(super) fn declare(&mut self, prefix: Span, uri: Span) -> Result<(), Fault> {
        if self.bound.len() >= SPACES_MAX {
            return Err(Fault::TooManyNamespaces);
        }
        let text = decode_attribute(uri.of(self.body));
        let prefix_text = prefix.of(self.body);
        let here = self.bound.get(self.opened as usize..).unwrap_or_default();
        if here.iter().any(|binding| binding.prefix.of(self.body) == prefix_text) {
            return Err(Fault::DuplicateAttribute);
        }
        let is_xml = prefix_text == b"xml";
        let is_bad = prefix_text == b"xmlns"
            || text == XMLNS
            || is_xml != (text == XML)
            || (text.is_empty() && !prefix_text.is_empty());
        if is_bad {
            return Err(Fault::BadNamespace);
        }
        let space = self.space(&text);
        self.bound.push(Binding { prefix, uri, space });
        Ok(())
    }

    fn space(&mut self, uri: &str) -> Space {
        if let Some(position) = self.known.iter().position(|known| known.uri == uri) {
            return Space(offset(position));
        }
        let is_same = |binding: &&Binding| decode_attribute(binding.uri.of(self.body)) == uri;
        if let Some(binding) = self.bound.iter().find(is_same) {
            return binding.space;
        }
        self.next = self.next.saturating_add(1);
        Space(self.next - 1)
    }

    /// The namespace of an element's name.
    #[inline]
    pub(super) fn of_element(&self, name: QName) -> Result<Space, Fault> {
        let prefix = name.prefix().of(self.body);
        if prefix.is_empty() && self.bound.is_empty() {
            return Ok(Space::NONE);
        }
        if prefix == b"xmlns" {
            return Err(Fault::BadNamespace);
        }
        match self.find(prefix) {
            None if prefix.is_empty() => Ok(Space::NONE),
            found => found.ok_or(Fault::UnboundPrefix),
        }
    }

    /// The namespace of an attribute's name; one without prefix has none (§6.2).
    pub(super) fn of_attribute(&self, name: QName) -> Result<Space, Fault> {
        let prefix = name.prefix().of(self.body);
        if prefix.is_empty() {
            return Ok(Space::NONE);
        }
        self.find(prefix).ok_or(Fault::UnboundPrefix)
    }

    fn find(&self, prefix: &[u8]) -> Option<Space> {
        let is_it = |binding: &&Binding| is_same(binding.prefix.of(self.body), prefix);
        let binding = self.bound.iter().rev().find(is_it).map(|binding| binding.space);
        binding.or_else(|| (prefix == b"xml").then_some(Space::XML))
    }

    /// The prefix by which the rules know elements of the namespace; empty for none.
    #[inline]
    pub(super) fn element_prefix(&self, space: Space) -> Option<&'a str> {
        self.known.get(space.0 as usize)?.elements
    }

    /// The prefix by which the rules know attributes of the namespace; empty for none.
    #[inline]
    pub(super) fn attribute_prefix(&self, space: Space) -> Option<&'a str> {
        self.known.get(space.0 as usize)?.attributes
    }
}
