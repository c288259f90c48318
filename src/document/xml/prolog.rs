//! What stands around the root element (XML 1.0 §2.8).

use super::super::charset::Charset;
use super::super::fault::Fault;
use super::Parser;
use super::scan::{COMMENT, INSTRUCTION};

impl<'a> Parser<'a, '_> {
    /// Goes to the start tag of the root.
    pub(super) fn prolog(&mut self) -> Result<(), Fault> {
        self.cursor.eat("\u{FEFF}".as_bytes());
        if self.cursor.rest().trim_ascii().is_empty() {
            return Err(Fault::Empty);
        }
        if let [b'<', b'?', b'x', b'm', b'l', b' ' | b'\t' | b'\n' | b'\r', ..] = self.cursor.rest()
        {
            self.declaration()?;
            self.tape.is_declared = true;
        }
        self.miscellany()?;
        match self.cursor.rest() {
            [b'<', b'/', ..] => Err(Fault::TagMismatch),
            [b'<', b'!', ..] => Err(self.bad_markup()),
            [b'<', ..] => Ok(()),
            _ => Err(self.cursor.fault(Fault::TextOutside)),
        }
    }

    /// Goes to the end of the body.
    pub(super) fn epilog(&mut self) -> Result<(), Fault> {
        self.miscellany()?;
        if self.cursor.is_end() { Ok(()) } else { Err(Fault::Trailing) }
    }

    /// Goes past white space, comments and instructions.
    fn miscellany(&mut self) -> Result<(), Fault> {
        loop {
            self.cursor.skip_space();
            let rest = self.cursor.rest();
            if rest.starts_with(COMMENT) {
                self.cursor.comment()?;
            } else if rest.starts_with(INSTRUCTION) {
                self.instruction()?;
            } else {
                return Ok(());
            }
        }
    }

    /// Goes past a processing instruction, which no SOAP message may have.
    pub(super) fn instruction(&mut self) -> Result<(), Fault> {
        if self.soap().is_some() {
            return Err(Fault::SoapInstruction);
        }
        self.cursor.instruction()
    }

    /// What is wrong with `<!` here.
    #[cold]
    pub(super) fn bad_markup(&mut self) -> Fault {
        if self.cursor.rest().starts_with(b"<!DOCTYPE") {
            return Fault::DoctypeFound;
        }
        let words: [&[u8]; 3] = [COMMENT, b"<!DOCTYPE", b"<![CDATA["];
        if words.iter().any(|word| word.starts_with(self.cursor.rest())) {
            self.cursor.at = self.cursor.text.len();
        }
        self.cursor.fault(Fault::BadTag)
    }

    /// Goes past the XML declaration: version 1.0, and an encoding that is the body's if any.
    fn declaration(&mut self) -> Result<(), Fault> {
        self.cursor.at += b"<?xml".len();
        self.cursor.skip_space();
        if self.pseudo(b"version")?.is_none_or(|version| version != "1.0") {
            return Err(Fault::BadDeclaration);
        }
        let mut start = self.cursor.at;
        if let Some(encoding) = self.next_pseudo(b"encoding")? {
            if !self.is_encoding(encoding) {
                self.cursor.at = start;
                return Err(Fault::EncodingMismatch);
            }
            start = self.cursor.at;
        }
        if let Some(standalone) = self.next_pseudo(b"standalone")?
            && standalone != "yes"
            && standalone != "no"
        {
            self.cursor.at = start;
            return Err(Fault::BadDeclaration);
        }
        self.cursor.skip_space();
        if self.cursor.eat(b"?>") { Ok(()) } else { Err(self.cursor.fault(Fault::BadDeclaration)) }
    }

    /// Whether the name of an encoding is the one of the charset that the body was in.
    fn is_encoding(&self, name: &str) -> bool {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let charset = self.context.charset.map_or(Some(Charset::UTF_8), Charset::named);
        is_name && charset.is_some_and(|charset| charset.is_named(name))
    }

    /// Goes past white space, a name and its value, if they stand here.
    fn next_pseudo(&mut self, name: &[u8]) -> Result<Option<&'a str>, Fault> {
        let start = self.cursor.at;
        if self.cursor.skip_space() && self.cursor.rest().starts_with(name) {
            return self.pseudo(name);
        }
        self.cursor.at = start;
        Ok(None)
    }

    /// Goes past a name, if it stands here, and its value in quotes.
    fn pseudo(&mut self, name: &[u8]) -> Result<Option<&'a str>, Fault> {
        if !self.cursor.eat(name) {
            return Ok(None);
        }
        self.cursor.skip_space();
        if !self.cursor.eat(b"=") {
            return Err(self.cursor.fault(Fault::BadDeclaration));
        }
        self.cursor.skip_space();
        let quote = self.cursor.peek();
        if quote != b'"' && quote != b'\'' {
            return Err(self.cursor.fault(Fault::BadDeclaration));
        }
        let start = self.cursor.at + 1;
        let rest = self.cursor.body().get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr3(quote, b'<', b'>', rest) else {
            self.cursor.at = self.cursor.text.len();
            return Err(Fault::Truncated);
        };
        if rest.get(length) != Some(&quote) {
            return Err(Fault::BadDeclaration);
        }
        self.cursor.at = start + length + 1;
        Ok(self.cursor.text.get(start..start + length))
    }
}
