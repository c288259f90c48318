//! XML documents as trees, and as the many texts that stand for one tree.

use std::fmt::Write as _;

use roxmltree::ParsingOptions;

use super::NAMESPACES;

/// An element: names have the prefixes of `NAMESPACES`, or `?` for a namespace that is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    pub(super) name: String,
    /// Sorted by their names, without `@`.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) content: Vec<Item>,
}

/// What an element holds; no text is empty, and no two texts stand next to each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Text(String),
    Element(Tree),
}

impl Tree {
    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.content.iter().filter_map(|item| match item {
            Item::Element(element) => Some(element),
            Item::Text(_) => None,
        })
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.content.iter().filter_map(|item| match item {
            Item::Text(text) => Some(text.as_str()),
            Item::Element(_) => None,
        })
    }

    /// Leaves out blank texts beside elements, which mean nothing.
    pub(super) fn without_blanks(mut self) -> Self {
        let has_elements = self.elements().next().is_some();
        self.content.retain(|item| match item {
            Item::Text(text) => !has_elements || !is_blank(text),
            Item::Element(_) => true,
        });
        for item in &mut self.content {
            if let Item::Element(element) = item {
                *element = std::mem::take(element).without_blanks();
            }
        }
        self
    }

    /// All texts and values of attributes.
    pub(super) fn values(&self, values: &mut Vec<String>) {
        values.extend(self.attributes.iter().map(|(_, value)| value.clone()));
        for item in &self.content {
            match item {
                Item::Text(text) => values.push(text.clone()),
                Item::Element(element) => element.values(values),
            }
        }
    }
}

/// Whether a text is white space.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
}

/// What `roxmltree` reads of a text; no document type declarations.
pub(super) fn read(text: &str) -> Option<Tree> {
    // It forgets a carriage return after a reference; this is what XML 1.0 §2.11 says.
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).ok()?;
    Some(tree(document.root_element()))
}

fn tree(node: roxmltree::Node<'_, '_>) -> Tree {
    let name = known(node.tag_name().namespace(), node.tag_name().name());
    let named =
        |a: roxmltree::Attribute<'_, '_>| (known(a.namespace(), a.name()), a.value().to_owned());
    let mut attributes: Vec<_> = node.attributes().map(named).collect();
    attributes.sort();
    let mut content: Vec<Item> = Vec::new();
    for child in node.children() {
        if child.is_element() {
            content.push(Item::Element(tree(child)));
        } else if child.is_text() {
            let text = child.text().unwrap_or_default();
            match content.last_mut() {
                Some(Item::Text(before)) => before.push_str(text),
                _ if text.is_empty() => {}
                _ => content.push(Item::Text(text.to_owned())),
            }
        }
    }
    Tree { name, attributes, content }
}

fn known(namespace: Option<&str>, local: &str) -> String {
    match namespace {
        None | Some("") => local.to_owned(),
        Some("http://www.w3.org/XML/1998/namespace") => format!("xml:{local}"),
        Some(uri) => match NAMESPACES.iter().find(|(_, known)| *known == uri) {
            Some((prefix, _)) => format!("{prefix}:{local}"),
            None => format!("?:{local}"),
        },
    }
}

/// Writes a tree in one of its many forms, which the noise chooses.
pub(super) fn spell(tree: &Tree, noise: &[u8]) -> String {
    let mut speller = Speller { noise: noise.iter().copied().cycle(), out: String::new() };
    if speller.chance(3) {
        speller.out.push_str("<?xml version='1.0' encoding=\"utf-8\"?>\n");
    }
    speller.remarks(false);
    speller.element(tree, &[]);
    speller.remarks(false);
    speller.out
}

struct Speller<I> {
    noise: I,
    out: String,
}

/// The prefixes that are declared, with what they mean; those of the innermost element last.
type Scope<'a> = Vec<(&'a str, &'a str)>;

impl<I: Iterator<Item = u8>> Speller<I> {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.noise.next().unwrap_or(0)) % end
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 1
    }

    fn element<'a>(&mut self, tree: &'a Tree, scope: &[(&'a str, &'a str)]) {
        let mut here = Vec::new();
        let name = self.name(&tree.name, scope, &mut here, true);
        let mut attributes: Vec<(String, &str)> = Vec::new();
        for (attribute, value) in &tree.attributes {
            attributes.push((self.name(attribute, scope, &mut here, false), value));
        }
        write!(self.out, "<{name}").unwrap();
        for (prefix, uri) in here.iter().filter(|(prefix, uri)| !scope_has(scope, prefix, uri)) {
            let colon = if prefix.is_empty() { "" } else { ":" };
            self.space();
            write!(self.out, "xmlns{colon}{prefix}='{uri}'").unwrap();
        }
        for (attribute, value) in attributes {
            self.space();
            self.out.push_str(&attribute);
            let equals = if self.chance(9) { " = " } else { "=" };
            self.out.push_str(equals);
            self.value(value);
        }
        if tree.content.is_empty() && self.chance(2) {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        let inner: Scope<'_> = scope.iter().copied().chain(here).collect();
        let has_texts = tree.texts().next().is_some();
        for item in &tree.content {
            match item {
                Item::Text(text) => self.text(text),
                Item::Element(element) => {
                    self.remarks(has_texts);
                    self.element(element, &inner);
                    self.remarks(has_texts);
                }
            }
        }
        let space = if self.chance(9) { " \n" } else { "" };
        write!(self.out, "</{name}{space}>").unwrap();
    }

    /// Chooses the prefix of a name, and notes what has to be declared for it.
    fn name<'a>(
        &mut self,
        name: &'a str,
        scope: &[(&'a str, &'a str)],
        here: &mut Scope<'a>,
        is_element: bool,
    ) -> String {
        let (uri, local) = match name.split_once(':') {
            None => ("", name),
            Some(("xml", _)) => return name.to_owned(),
            Some((prefix, local)) => {
                let known = NAMESPACES.iter().find(|(known, _)| *known == prefix);
                (known.map_or("urn:unknown", |(_, uri)| uri), local)
            }
        };
        if uri.is_empty() {
            let meaning = scope.iter().rev().find(|(prefix, _)| prefix.is_empty());
            if is_element && meaning.is_some_and(|(_, uri)| !uri.is_empty()) {
                here.push(("", ""));
            }
            return local.to_owned();
        }
        let prefixes = ["e", "p", "o", "x-1", ""];
        let usable = if is_element { 5 } else { 4 };
        let start = self.below(usable);
        let mut prefixes = (0..usable).map(|n| prefixes[(start + n) % usable]);
        // What is used in this tag already keeps its meaning.
        let prefix = prefixes.find(|prefix| {
            here.iter().find(|(used, _)| used == prefix).is_none_or(|(_, meaning)| *meaning == uri)
        });
        let prefix = prefix.unwrap();
        if here.iter().all(|(used, _)| *used != prefix) {
            here.push((prefix, uri));
        }
        if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
    }

    fn space(&mut self) {
        let spaces = [" ", " ", "\n  ", "\t"];
        let space = spaces[self.below(4)];
        self.out.push_str(space);
    }

    /// Comments and instructions, and white space where no text stands.
    fn remarks(&mut self, has_texts: bool) {
        if self.chance(4) {
            let remarks = ["<!-- 850101300123 & <a> -->", "<?r <b>?>", "<!---->", "\n  ", "\r\n"];
            let remark = remarks[self.below(if has_texts { 3 } else { 5 })];
            self.out.push_str(remark);
        }
    }

    fn text(&mut self, text: &str) {
        let mut section = false;
        for c in text.chars() {
            let way = self.below(12);
            if section && (c == '>' || c == '\r' || way > 8) {
                self.out.push_str("]]>");
                section = false;
            }
            match c {
                '\r' => self.out.push_str("&#xD;"),
                _ if section => self.out.push(c),
                '>' if self.out.ends_with("]]") || way > 6 => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str(["&lt;", "&#60;"][way % 2]),
                _ if way == 0 => write!(self.out, "&#x{:X};", u32::from(c)).unwrap(),
                _ if way == 1 => {
                    self.out.push_str("<![CDATA[");
                    self.out.push(c);
                    section = true;
                }
                '\n' if way > 6 => self.out.push_str("\r\n"),
                _ => self.out.push(c),
            }
            if !section && way == 11 {
                self.out.push_str(["<!-- 1 -->", "<?r?>"][c.len_utf8() % 2]);
            }
        }
        if section {
            self.out.push_str("]]>");
        }
    }

    fn value(&mut self, value: &str) {
        let quote = ['"', '\''][self.below(2)];
        self.out.push(quote);
        for c in value.chars() {
            match c {
                '\t' | '\n' | '\r' => write!(self.out, "&#{};", u32::from(c)).unwrap(),
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                ' ' if self.chance(9) => self.out.push('\n'),
                c if c == quote => write!(self.out, "&#x{:x};", u32::from(c)).unwrap(),
                c => self.out.push(c),
            }
        }
        self.out.push(quote);
    }
}

fn scope_has(scope: &[(&str, &str)], prefix: &str, uri: &str) -> bool {
    let meaning = scope.iter().rev().find(|(known, _)| *known == prefix);
    meaning.is_some_and(|(_, known)| *known == uri)
}
