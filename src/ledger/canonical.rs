//! Reads canonical JSON (RFC 8785) strictly and without building anything.
//!
//! The form is narrower than RFC 8785's own, as ledger entries are: no white space; members sorted
//! by the UTF-16 units of their names, none twice; integers of magnitude below 2^53 without leading
//! zeros, and no other numbers; in strings only `\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t` and, for
//! the remaining controls, `\u00xx` in small letters. Bytes that pass are exactly the bytes that
//! any canonicaliser makes of the value they stand for.

use std::cmp::Ordering;

/// The members of one canonical object: each name and value as it stands, strings in their quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Members<'a> {
    /// Reads one object that fills the bytes.
    ///
    /// # Errors
    /// Bytes that are not canonical JSON, or no object.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotCanonical> {
        let text = str::from_utf8(bytes).map_err(|_| NotCanonical)?;
        let mut reader = Reader { text, at: 0 };
        let mut members = Vec::with_capacity(16);
        reader.object(DEPTH_MAX, |name, value| members.push((name, value)))?;
        if reader.at == text.len() { Ok(Self(members)) } else { Err(NotCanonical) }
    }

    /// The value of a member as it stands.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(member, _)| *member == name).map(|(_, value)| *value)
    }

    /// A member that is a string without escapes.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let text = self.raw(name)?.strip_prefix('"')?.strip_suffix('"')?;
        (!text.contains('\\')).then_some(text)
    }

    /// A member that is a non-negative integer.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.raw(name)?.parse().ok()
    }
}

/// The bytes are not canonical JSON, or not the object that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical JSON")]
pub struct NotCanonical;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: u8) -> Result<(), NotCanonical> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth, |_, _| {}),
            Some(b'[') => self.array(depth),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.integer(),
        }
    }

    /// Reads an object and hands on each name, without quotes, and value.
    fn object(
        &mut self,
        depth: u8,
        mut member: impl FnMut(&'a str, &'a str),
    ) -> Result<(), NotCanonical> {
        let depth = depth.checked_sub(1).ok_or(NotCanonical)?;
        self.byte(b'{')?;
        if self.took(b'}') {
            return Ok(());
        }
        let mut last: Option<&str> = None;
        loop {
            let name = self.string()?;
            if last.is_some_and(|last| order(last, name) != Ordering::Less) {
                return Err(NotCanonical);
            }
            last = Some(name);
            self.byte(b':')?;
            let start = self.at;
            self.value(depth)?;
            member(name, self.since(start)?);
            if self.took(b'}') {
                return Ok(());
            }
            self.byte(b',')?;
        }
    }

    fn array(&mut self, depth: u8) -> Result<(), NotCanonical> {
        let depth = depth.checked_sub(1).ok_or(NotCanonical)?;
        self.byte(b'[')?;
        if self.took(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.took(b']') {
                return Ok(());
            }
            self.byte(b',')?;
        }
    }

    /// Reads a string and gives what stands between its quotes.
    fn string(&mut self) -> Result<&'a str, NotCanonical> {
        self.byte(b'"')?;
        let start = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..).ok_or(NotCanonical)?;
            self.at = self.at.saturating_add(plain_run(rest));
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(NotCanonical),
            }
        }
        let inside = self.since(start)?;
        self.byte(b'"')?;
        Ok(inside)
    }

    fn escape(&mut self) -> Result<(), NotCanonical> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = match rest {
            [b'\\', b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'\\', b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
            | [b'\\', b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return Err(NotCanonical),
        };
        self.at = self.at.saturating_add(length);
        Ok(())
    }

    fn integer(&mut self) -> Result<(), NotCanonical> {
        let start = self.at;
        let negative = self.took(b'-');
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at = self.at.saturating_add(digits);
        let leading_zero = rest.first() == Some(&b'0') && (digits > 1 || negative);
        let number: i64 = self.since(start)?.parse().map_err(|_| NotCanonical)?;
        let fits = number.unsigned_abs() < INTEGER_END && !leading_zero;
        fits.then_some(()).ok_or(NotCanonical)
    }

    fn word(&mut self, word: &str) -> Result<(), NotCanonical> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(NotCanonical);
        }
        self.at = self.at.saturating_add(word.len());
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), NotCanonical> {
        self.took(byte).then_some(()).ok_or(NotCanonical)
    }

    fn took(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at = self.at.saturating_add(usize::from(there));
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, start: usize) -> Result<&'a str, NotCanonical> {
        self.text.get(start..self.at).ok_or(NotCanonical)
    }
}

/// The number of bytes before the first that cannot stand in a string as it is.
fn plain_run(bytes: &[u8]) -> usize {
    let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    // Without an early end inside the chunk, so that it is one step of a vector unit.
    let whole = |chunk: &&[u8; 16]| chunk.iter().fold(true, |all, byte| all & plain(byte));
    let (chunks, _) = bytes.as_chunks::<16>();
    let skip = chunks.iter().take_while(whole).count().saturating_mul(16);
    let rest = bytes.get(skip..).unwrap_or_default();
    skip.saturating_add(rest.iter().take_while(|byte| plain(byte)).count())
}

/// The order of two names as they stand in the text, by the UTF-16 units of what they stand for.
fn order(a: &str, b: &str) -> Ordering {
    let plain = |name: &str| name.bytes().all(|byte| byte != b'\\' && byte < 0xee);
    if plain(a) && plain(b) {
        return a.cmp(b);
    }
    let meant = |name: &str| serde_json::from_str::<String>(&format!("\"{name}\""));
    match (meant(a), meant(b)) {
        (Ok(a), Ok(b)) => a.encode_utf16().cmp(b.encode_utf16()),
        // Not sorted, so refused; a string that passed `string` always reads.
        _ => Ordering::Equal,
    }
}

// Entries are three deep.
const DEPTH_MAX: u8 = 16;
const INTEGER_END: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn object() -> impl Strategy<Value = Value> {
        let name = "[\"\\\\\u{0}-\u{7f}құ\u{e000}\u{fffd}\u{1f600}]{0,4}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1i64 << 53) + 1..1 << 53).prop_map(Value::from),
            name.prop_map(Value::from),
        ];
        let inner = leaf.prop_recursive(3, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        prop::collection::btree_map(name, inner, 0..5)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn what_a_canonicaliser_writes_is_taken(value in object()) {
            let bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
            prop_assert!(Members::read(&bytes).is_ok(), "{}", String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn whatever_is_taken_is_what_a_canonicaliser_writes(
            value in object(), at: usize, new: u8, cut: bool,
        ) {
            let mut bytes = serde_json_canonicalizer::to_vec(&value).unwrap();
            let at = at % bytes.len();
            if cut { bytes.remove(at); } else { bytes[at] = new; }
            if Members::read(&bytes).is_ok() {
                let value: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn other_spellings_of_a_value_are_refused() {
        for text in [
            r#"{"a":1,}"#,
            r#"{ "a":1}"#,
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e2}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u000A"}"#,
            r#"{"a":"\u000a"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"x}"#,
            r#"{"a":1} "#,
            "[]",
            "1",
            "",
            r#"{"a":"\ud800"}"#,
        ] {
            assert_eq!(Members::read(text.as_bytes()), Err(NotCanonical), "{text}");
        }
        assert_eq!(Members::read(b"{\"a\":\"\xff\"}"), Err(NotCanonical));
        let deep = format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17));
        assert_eq!(Members::read(deep.as_bytes()), Err(NotCanonical));
    }

    #[test]
    fn members_are_given_as_they_stand() {
        let members = Members::read(br#"{"n":7,"o":{"a":[]},"s":"x","t":"\n"}"#).unwrap();
        assert_eq!(members.number("n"), Some(7));
        assert_eq!(members.text("s"), Some("x"));
        assert_eq!((members.text("t"), members.number("s")), (None, None));
        assert_eq!(members.raw("o"), Some(r#"{"a":[]}"#));
    }
}
