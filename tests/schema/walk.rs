//! A walk over a schema and a file at once.

use std::collections::BTreeSet;

use serde_json::Value;

/// A JSON Schema.
///
/// What stands beside a `$ref` only narrows it and is passed over here.
pub(crate) struct Schema {
    pub(crate) root: Value,
}

/// A place of a file, with that of the schema which is about it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Where in the schema, as a JSON Pointer.
    pub(crate) pointer: String,
    /// Where in the file.
    pub(crate) steps: Vec<Step>,
}

/// One step from a file's root.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Schema {
    /// Every place of a file.
    pub(crate) fn places(&self, value: &toml::Value) -> Vec<Place> {
        let mut places = Vec::new();
        self.walk(String::new(), value, &mut Vec::new(), &mut places);
        places
    }

    fn walk(
        &self,
        pointer: String,
        value: &toml::Value,
        steps: &mut Vec<Step>,
        places: &mut Vec<Place>,
    ) {
        let pointer = self.choice(self.followed(pointer), value);
        places.push(Place { pointer: pointer.clone(), steps: steps.clone() });
        let mut deeper = |step, value: &toml::Value, child| {
            steps.push(step);
            self.walk(child, value, steps, places);
            steps.pop();
        };
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    deeper(Step::Key(key.clone()), value, self.child(&pointer, key));
                }
            }
            toml::Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    deeper(Step::Index(index), value, format!("{pointer}/items"));
                }
            }
            _ => {}
        }
    }

    /// The schemas of tables with keys of the language.
    pub(crate) fn tables(&self) -> BTreeSet<String> {
        let mut tables = BTreeSet::new();
        find_tables(&self.root, "", &mut tables);
        tables
    }

    /// The keys of the language that a table has.
    pub(crate) fn keys(&self, pointer: &str) -> Option<BTreeSet<String>> {
        let keys = self.at(pointer).get("properties")?.as_object()?.keys();
        Some(keys.cloned().collect())
    }

    /// The keys that a table must have.
    pub(crate) fn required(&self, pointer: &str) -> Vec<String> {
        let required = self.at(pointer).get("required").cloned().unwrap_or_default();
        serde_json::from_value(required).unwrap_or_default()
    }

    /// Whether a value is one of a list of words, or of a form.
    pub(crate) fn has_words(&self, pointer: &str) -> bool {
        let schema = self.at(pointer);
        let says = schema.get("enum").is_some() || schema.get("pattern").is_some();
        says && pointer != "/$defs/text"
    }

    /// The words that a value can be.
    pub(crate) fn words(&self, pointer: &str) -> Vec<String> {
        let words = self.at(pointer).get("enum").cloned().unwrap_or_default();
        serde_json::from_value(words).unwrap_or_default()
    }

    /// The least and the largest that a whole number can be, where there is one.
    pub(crate) fn bounds(&self, pointer: &str) -> Option<[Option<i64>; 2]> {
        let schema = self.at(pointer);
        let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
        (schema.get("type")? == "integer").then(|| ["minimum", "maximum"].map(bound))
    }

    /// Whether people are told what a property is.
    pub(crate) fn describes(&self, pointer: &str) -> bool {
        let schema = self.at(pointer);
        let own = schema.get("description").is_some();
        let target = schema.get("$ref").and_then(Value::as_str);
        own || target.is_some_and(|target| self.describes(target.strip_prefix('#').unwrap()))
    }

    /// A value that no schema of the place takes.
    pub(crate) fn of_another_type(&self, place: &Place) -> toml::Value {
        let kind = self.at(&place.pointer).get("type").and_then(Value::as_str);
        if kind == Some("boolean") { "true".into() } else { true.into() }
    }

    fn at(&self, pointer: &str) -> &Value {
        self.root.pointer(pointer).unwrap_or_else(|| panic!("no schema at {pointer}"))
    }

    fn followed(&self, pointer: String) -> String {
        match self.at(&pointer).get("$ref").and_then(Value::as_str) {
            Some(target) => self.followed(target.strip_prefix('#').unwrap().to_owned()),
            None => pointer,
        }
    }

    fn choice(&self, pointer: String, value: &toml::Value) -> String {
        let Some(branches) = self.at(&pointer).get("anyOf") else { return pointer };
        let count = branches.as_array().unwrap().len();
        let branches = (0..count).map(|n| self.followed(format!("{pointer}/anyOf/{n}")));
        let is_object = |branch: &String| self.at(branch)["type"] == "object";
        let mut fitting = branches.filter(|branch| is_object(branch) == value.is_table());
        fitting.next().unwrap()
    }

    // Of patterns, the one that refers to a schema is the whole of it; others narrow it.
    fn child(&self, pointer: &str, key: &str) -> String {
        let schema = self.at(pointer);
        if schema.get("properties").is_some_and(|all| all.get(key).is_some()) {
            return format!("{pointer}/properties/{}", escaped(key));
        }
        if let Some(patterns) = schema.get("patternProperties") {
            let mut patterns = patterns.as_object().unwrap().iter();
            let (pattern, _) = patterns.find(|(_, schema)| schema.get("$ref").is_some()).unwrap();
            return format!("{pointer}/patternProperties/{}", escaped(pattern));
        }
        format!("{pointer}/additionalProperties")
    }
}

impl Place {
    /// The value that stands here in a file.
    pub(crate) fn value_in<'v>(&self, value: &'v mut toml::Value) -> &'v mut toml::Value {
        self.steps.iter().fold(value, |value, step| match step {
            Step::Key(key) => value.get_mut(key.as_str()).unwrap(),
            Step::Index(index) => value.get_mut(index).unwrap(),
        })
    }

    /// The table that stands here in a file.
    pub(crate) fn table_in<'v>(&self, value: &'v mut toml::Value) -> &'v mut toml::Table {
        self.value_in(value).as_table_mut().unwrap()
    }
}

/// A name as a step of a JSON Pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn find_tables(schema: &Value, pointer: &str, tables: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let is_table = members.get("properties").is_some();
            if is_table && members.get("additionalProperties") == Some(&Value::Bool(false)) {
                tables.insert(pointer.to_owned());
            }
            for (name, member) in members {
                find_tables(member, &format!("{pointer}/{}", escaped(name)), tables);
            }
        }
        Value::Array(list) => {
            for (n, member) in list.iter().enumerate() {
                find_tables(member, &format!("{pointer}/{n}"), tables);
            }
        }
        _ => {}
    }
}
