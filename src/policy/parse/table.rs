//! TOML read key by key, so that one reading finds everything that is wrong in a file.
//!
//! A table is read by a closure that asks for each of its keys; when the closure ends, every key
//! that it did not ask for is an error, and so is every required key that is not there. A closure
//! therefore asks for all its keys before it gives up on any of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostics, Source, Text, help_on_unknown, nearest, text};

/// Reads one file: the closure gets its root table.
pub(super) fn read_file<T>(
    source: &Arc<Source>,
    found: &mut Diagnostics,
    read: impl FnOnce(&mut Table<'_>) -> Option<T>,
) -> Option<T> {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        found.toml(source, error);
    }
    if !errors.is_empty() {
        return None;
    }
    let file = File { source: Arc::clone(source), found: RefCell::default() };
    let taken = Table::read(&file, root.get_ref(), 0..0, read);
    let found_here = file.found.into_inner();
    let taken = taken.filter(|_| !found_here.has_errors());
    found.append(found_here);
    taken
}

/// A file while it is read, with what was found in it.
#[derive(Debug)]
pub(super) struct File {
    source: Arc<Source>,
    found: RefCell<Diagnostics>,
}

/// A table while it is read.
pub(super) struct Table<'f> {
    file: &'f File,
    entries: &'f DeTable<'f>,
    span: Range<usize>,
    asked: Vec<&'static str>,
    missing: Vec<(&'static str, &'static str)>,
}

impl<'f> Table<'f> {
    /// Reads the value of a key that must be there; `meaning` says what it is, as a cure.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        meaning: &'static str,
        read: impl FnOnce(&Item<'f>) -> Option<T>,
    ) -> Option<T> {
        let item = self.item(key, meaning);
        if item.is_none() {
            self.missing.push((key, meaning));
        }
        read(&item?)
    }

    /// Reads the value of a key that may be absent: `Some(None)` where it is, `None` where it is
    /// wrong.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        meaning: &'static str,
        read: impl FnOnce(&Item<'f>) -> Option<T>,
    ) -> Option<Option<T>> {
        self.item(key, meaning).map_or(Some(None), |item| read(&item).map(Some))
    }

    /// Reads the value of a key, or takes the default where the key is absent.
    pub(super) fn or<T>(
        &mut self,
        default: T,
        key: &'static str,
        meaning: &'static str,
        read: impl FnOnce(&Item<'f>) -> Option<T>,
    ) -> Option<T> {
        self.item(key, meaning).map_or(Some(default), |item| read(&item))
    }

    /// Adds an error about the table as a whole.
    pub(super) fn wrong<T>(&self, message: impl Into<Text>, help: impl Into<Text>) -> Option<T> {
        self.file.error(self.span.clone(), message, help);
        None
    }

    /// Adds an error about another place of the same file.
    pub(super) fn wrong_at<T>(
        &self,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) -> Option<T> {
        self.file.error(span, message, help);
        None
    }

    /// Where it stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Adds a warning about the table as a whole.
    pub(super) fn warn(&self, message: impl Into<Text>, help: impl Into<Text>) {
        self.file.warning(self.span.clone(), message, help);
    }

    /// The line of its header, counted from 1.
    pub(super) fn line(&self) -> usize {
        self.file.line(self.span.start)
    }

    /// The file that it stands in.
    pub(super) fn file(&self) -> &'f File {
        self.file
    }

    fn read<T>(
        file: &'f File,
        entries: &'f DeTable<'f>,
        span: Range<usize>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let mut table = Self { file, entries, span, asked: Vec::new(), missing: Vec::new() };
        let value = read(&mut table);
        let complete = table.finish();
        value.filter(|_| complete)
    }

    fn item(&mut self, key: &'static str, meaning: &'static str) -> Option<Item<'f>> {
        self.asked.push(key);
        self.entries.get(key).map(|value| Item { file: self.file, value, meaning })
    }

    // A misspelt key is reported once, not also as the key that is missing.
    fn finish(self) -> bool {
        let absent: Vec<&str> =
            self.asked.iter().copied().filter(|key| !self.entries.contains_key(*key)).collect();
        let mut suggested = Vec::new();
        let mut complete = true;
        for key in self.entries.keys().filter(|key| !self.asked.contains(&&**key.get_ref())) {
            let near = nearest(key.get_ref(), &absent);
            suggested.extend(near);
            let help = match near {
                Some(near) => text!("did you mean `{}`?", near),
                None => help_on_stranger(key.get_ref(), &self.asked),
            };
            self.file.error(key.span(), text!("unknown key `{}`", key.get_ref()), help);
            complete = false;
        }
        for (key, meaning) in &self.missing {
            if !suggested.contains(key) {
                self.file.error(self.span.clone(), text!("`{}` is missing", key), *meaning);
            }
            complete = false;
        }
        complete
    }
}

/// A value, with its place and what its key means.
#[derive(Clone)]
pub(super) struct Item<'f> {
    file: &'f File,
    value: &'f Spanned<DeValue<'f>>,
    meaning: &'static str,
}

impl<'f> Item<'f> {
    /// The text of a string.
    pub(super) fn text(&self) -> Option<&'f str> {
        self.of_kind("a string", self.value.get_ref().as_str())
    }

    /// The meaning of a word out of a list.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let known = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        known.or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(text!("`{}` is not one of `{}`", text, all.join("`, `")))
        })
    }

    /// A whole number that is not negative.
    pub(super) fn whole(&self) -> Option<u64> {
        let integer = self.of_kind("an integer", self.value.get_ref().as_integer())?;
        let number = u64::from_str_radix(integer.as_str(), integer.radix());
        number.ok().or_else(|| self.wrong("out of range"))
    }

    /// A truth value.
    pub(super) fn flag(&self) -> Option<bool> {
        self.of_kind("a boolean", self.value.get_ref().as_bool())
    }

    /// A date without time and offset.
    pub(super) fn date(&self) -> Option<toml::value::Date> {
        let datetime = self.of_kind("a date", self.value.get_ref().as_datetime())?;
        match datetime {
            toml::value::Datetime { date: Some(date), time: None, offset: None } => Some(*date),
            _ => self.wrong("expected a date without a time"),
        }
    }

    /// A date and time with its offset.
    pub(super) fn moment(&self) -> Option<&'f toml::value::Datetime> {
        let datetime = self.of_kind("a date and time", self.value.get_ref().as_datetime())?;
        match datetime {
            toml::value::Datetime { date: Some(_), time: Some(_), offset: Some(_) } => {
                Some(datetime)
            }
            _ => self.wrong_since(
                "expected a date with a time and its offset",
                "write it as `2026-11-22T10:00:00+05:00`",
            ),
        }
    }

    /// Whether it is a string.
    pub(super) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// The elements of an array, each read by the closure.
    pub(super) fn list<T>(&self, mut read: impl FnMut(&Item<'f>) -> Option<T>) -> Option<Vec<T>> {
        let array = self.of_kind("an array", self.value.get_ref().as_array())?;
        let values: Vec<Option<T>> =
            array.iter().map(|value| read(&Item { value, ..self.clone() })).collect();
        values.into_iter().collect()
    }

    /// A table, read by the closure, which must ask for all its keys.
    pub(super) fn table<T>(&self, read: impl FnOnce(&mut Table<'f>) -> Option<T>) -> Option<T> {
        let table = self.of_kind("a table", self.value.get_ref().as_table())?;
        Table::read(self.file, table, self.span(), read)
    }

    /// A table whose keys are words of the file's own, in the order of the file.
    pub(super) fn entries<K, V>(
        &self,
        mut read: impl FnMut(&Key<'f>, &Item<'f>) -> Option<(K, V)>,
    ) -> Option<Vec<(K, V)>> {
        let table = self.of_kind("a table", self.value.get_ref().as_table())?;
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let read_each = entries.into_iter().map(|(key, value)| {
            let item = Item { value, ..self.clone() };
            let key = Key { file: self.file, text: key.get_ref(), span: key.span() };
            read(&key, &item)
        });
        let values: Vec<Option<(K, V)>> = read_each.collect();
        values.into_iter().collect()
    }

    /// As [`Item::entries`], by their keys.
    pub(super) fn map<K: Ord, V>(
        &self,
        key: impl Fn(&Key<'f>) -> Option<K>,
        mut read: impl FnMut(&K, &Item<'f>) -> Option<V>,
    ) -> Option<BTreeMap<K, V>> {
        let entries = self.entries(|text, item| {
            let key = key(text)?;
            let value = read(&key, item)?;
            Some((key, value))
        });
        entries.map(|entries| entries.into_iter().collect())
    }

    /// Where it stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Adds an error whose cure is what the key means.
    pub(super) fn wrong<T>(&self, message: impl Into<Text>) -> Option<T> {
        self.wrong_since(message, self.meaning)
    }

    /// Adds an error with a cure of its own.
    pub(super) fn wrong_since<T>(
        &self,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) -> Option<T> {
        self.file.error(self.span(), message, help);
        None
    }

    /// Adds an error about another place of the same file.
    pub(super) fn wrong_at<T>(
        &self,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) -> Option<T> {
        self.file.error(span, message, help);
        None
    }

    /// Adds a warning.
    pub(super) fn warn(&self, message: impl Into<Text>, help: impl Into<Text>) {
        self.file.warning(self.span(), message, help);
    }

    fn of_kind<T>(&self, expected: &'static str, value: Option<T>) -> Option<T> {
        value.or_else(|| {
            let found = match self.value.get_ref() {
                DeValue::String(_) => "a string",
                DeValue::Integer(_) => "an integer",
                DeValue::Float(_) => "a float",
                DeValue::Boolean(_) => "a boolean",
                DeValue::Datetime(_) => "a datetime",
                DeValue::Array(_) => "an array",
                DeValue::Table(_) => "a table",
            };
            let values = vec![expected.into(), found.into()];
            self.wrong(Text::Template("expected {}, found {}", values))
        })
    }
}

/// A key that is a word of the file's own, such as a category or a field path.
pub(super) struct Key<'f> {
    file: &'f File,
    /// The key.
    pub(super) text: &'f str,
    /// Where it stands.
    pub(super) span: Range<usize>,
}

impl Key<'_> {
    /// The line that it stands on, counted from 1.
    pub(super) fn line(&self) -> usize {
        self.file.line(self.span.start)
    }

    /// Adds an error about the key.
    pub(super) fn wrong<T>(&self, message: impl Into<Text>, help: impl Into<Text>) -> Option<T> {
        self.file.error(self.span.clone(), message, help);
        None
    }

    /// Adds a warning about the key.
    pub(super) fn warn(&self, message: impl Into<Text>, help: impl Into<Text>) {
        self.file.warning(self.span.clone(), message, help);
    }
}

impl File {
    fn line(&self, at: usize) -> usize {
        self.source.line(at)
    }

    /// Adds an error.
    pub(super) fn error(
        &self,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) {
        self.found.borrow_mut().error(&self.source, span, message, help);
    }

    /// Adds a warning.
    pub(super) fn warning(
        &self,
        span: Range<usize>,
        message: impl Into<Text>,
        help: impl Into<Text>,
    ) {
        self.found.borrow_mut().warning(&self.source, span, message, help);
    }
}

// Keys that people bring from other laws and other systems.
fn help_on_stranger(key: &str, known: &[&str]) -> Text {
    match key {
        "basis" | "lawful_basis" | "legal_basis" | "legitimate_interest" | "contract" => {
            "leave it out: transfers rest on consent, and the law's list of other bases is closed, \
             without contract and legitimate interest (94-V Art. 7(5), 9)"
                .into()
        }
        _ => help_on_unknown(key, known),
    }
}
