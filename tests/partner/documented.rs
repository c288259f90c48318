//! What `docs/partner/proxy.md` says is so.

use std::path::Path;

use otkel::partner::config::{Config, Limits, SCHEMA};
use otkel::partner::{Refusal, receiver};
use serde_json::Value;

const DOCS: &str = include_str!("../../docs/partner/proxy.md");

#[test]
fn the_configuration_that_is_shown_loads() {
    let mut snippets = DOCS.split("```toml\n").skip(1);
    let shown = snippets.next().unwrap().split_once("```").unwrap().0;
    let config = Config::read("partner.toml", shown, Path::new("")).unwrap();
    assert_eq!(config.gateways.len(), 1);
    let bare = shown.replace("[application]", "[stream]\npass = \"as-it-comes\"\n[application]");
    assert!(Config::read("partner.toml", &bare, Path::new("")).unwrap().as_it_comes);
}

#[test]
fn every_code_stands_with_its_status() {
    for refusal in Refusal::ALL {
        let code = format!("`{}`", refusal.code());
        let status = format!("| {}", refusal.status().as_u16());
        let line = DOCS.lines().find(|line| line.starts_with("| `") && line.contains(&code));
        let line = line.unwrap_or_else(|| panic!("{code} is not described"));
        assert!(line.contains(&status), "{line}");
    }
}

#[test]
fn every_key_and_every_default_stand_there() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let keys = |table: &str| {
        let pointer = format!("/$defs/{table}/properties");
        schema.pointer(&pointer).unwrap().as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    for table in ["partner", "tls", "identity", "keys", "application", "stream", "gateway"] {
        for key in keys(table) {
            assert!(DOCS.contains(&format!("`{table}.{key}`")), "{table}.{key}");
        }
    }
    let defaults = format!("{:#?}", Limits::default());
    let mut count = 0;
    for line in defaults.lines().filter_map(|line| line.trim().strip_suffix(',')) {
        let (key, value) = line.split_once(": ").unwrap();
        let name = format!("`{key}`");
        let row = DOCS.lines().find(|row| row.starts_with("| `") && row.contains(&name));
        let row = row.unwrap_or_else(|| panic!("{key} is not described"));
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let place = cells[0].split(", ").position(|cell| cell == name).unwrap();
        assert_eq!(cells[2].split(", ").nth(place), Some(value), "{key}");
        let shown = schema.pointer(&format!("/$defs/limits/properties/{key}/default"));
        assert_eq!(shown.map(ToString::to_string).as_deref(), Some(value), "{key}");
        count += 1;
    }
    assert_eq!(count, keys("limits").len());
}

#[test]
fn the_fields_of_a_reply_that_are_passed_on_stand_there() {
    for name in receiver::PASSED {
        let is_named = |word: &str| word.eq_ignore_ascii_case(name.as_str());
        assert!(DOCS.split('`').any(is_named), "{name}");
    }
}
