//! JSON and YAML as one tree, with a bound on what it costs.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{BYTES_MAX, BadDocument};

/// A value of a document.
#[derive(Debug)]
pub(super) enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A string; or a number, as it is written shortest.
    Word(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Table(Table),
}

/// An object, whose members keep their order.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<(String, Node)>,
    places: HashMap<String, usize>,
}

impl Table {
    /// The members, in the document's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(name, node)| (name.as_str(), node))
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.entries.get(*self.places.get(name)?).map(|(_, node)| node)
    }
}

impl Node {
    /// Reads a document: JSON where it begins with `{`, else YAML.
    pub(super) fn read(document: &[u8]) -> Result<Self, BadDocument> {
        if document.len() > BYTES_MAX {
            return Err(BadDocument::TooLarge);
        }
        let text = std::str::from_utf8(document).map_err(|_| BadDocument::NotUtf8)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let budget = Budget(Cell::new(COST_MAX));
        if text.trim_start().starts_with('{') {
            let mut json = serde_json::Deserializer::from_str(text);
            let node = Seed(&budget).deserialize(&mut json);
            let node = node.and_then(|node| json.end().map(|()| node));
            return node.map_err(|error| BadDocument::Syntax("JSON", error.to_string()));
        }
        if nests_deeply(text) {
            let why = "brackets nested too deeply; if they only stand in texts, give it as JSON";
            return Err(BadDocument::Syntax("YAML", why.to_owned()));
        }
        let yaml = yaml_serde::Deserializer::from_str(text);
        let node = Seed(&budget).deserialize(yaml);
        node.map_err(|error| BadDocument::Syntax("YAML", error.to_string()))
    }

    /// A member of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.as_table()?.get(name)
    }

    /// The text of a member that is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// Whether a member is `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Self::Flag(true)))
    }

    /// The elements of a member that is an array.
    pub(super) fn list(&self, name: &str) -> &[Self] {
        match self.get(name) {
            Some(Self::List(list)) => list,
            _ => &[],
        }
    }

    /// The members of a member that is an object.
    pub(super) fn members(&self, name: &str) -> impl Iterator<Item = (&str, &Self)> {
        self.get(name).and_then(Self::as_table).into_iter().flat_map(Table::iter)
    }

    /// The members, if this is an object.
    pub(super) fn as_table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Word(text) => Some(text),
            _ => None,
        }
    }

    /// The value at a JSON Pointer (RFC 6901) in a URI's fragment.
    pub(super) fn at(&self, pointer: &str) -> Option<&Self> {
        let pointer = percent_decoded(pointer)?;
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match node {
                Self::Table(table) => table.get(&step),
                Self::List(list) => list.get(step.parse::<usize>().ok()?),
                _ => None,
            }
        })
    }
}

// The YAML reader's time grows with the square of this depth, so it is bounded before it starts.
// Brackets in texts are counted too, but those come in pairs.
fn nests_deeply(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > BRACKETS_MAX
    })
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? << 4 | digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// What values may still cost, so that a small document of aliases does not become a large tree.
struct Budget(Cell<usize>);

impl Budget {
    fn spend<E: de::Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(NODE_COST.saturating_add(bytes));
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| E::custom("too many values, or aliases of them"))
    }
}

/// One value on its way out of a deserializer.
#[derive(Clone, Copy)]
struct Seed<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! words {
    ($($visit:ident: $type:ty),* $(,)?) => {$(
        fn $visit<E: de::Error>(self, value: $type) -> Result<Node, E> {
            self.visit_str(&value.to_string())
        }
    )*};
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        self.0.spend(0).map(|()| Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        self.0.spend(0).map(|()| Node::Flag(value))
    }

    words! { visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64 }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Node, E> {
        self.0.spend(text.len()).map(|()| Node::Word(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.0.spend(0)?;
        let mut list = Vec::new();
        while let Some(node) = access.next_element_seed(self)? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.0.spend(0)?;
        let mut table = Table::default();
        while let Some(key) = access.next_key_seed(self)? {
            let name = match key {
                Node::Word(name) => name,
                Node::Flag(flag) => flag.to_string(),
                Node::Null => "null".to_owned(),
                Node::List(_) | Node::Table(_) => {
                    return Err(de::Error::custom("a key that is no text"));
                }
            };
            if name == "<<" {
                return Err(de::Error::custom("`<<` is not read: write the members out"));
            }
            if table.places.insert(name.clone(), table.entries.len()).is_some() {
                return Err(de::Error::custom("a member stands twice in an object"));
            }
            table.entries.push((name, access.next_value_seed(self)?));
        }
        Ok(Node::Table(table))
    }
}

// Brackets open at once in a YAML text.
const BRACKETS_MAX: usize = 128;

// What a value takes in memory beside its text, roughly.
const NODE_COST: usize = 128;

// Documents of some megabytes cost about a quarter of this.
const COST_MAX: usize = 192 << 20;
