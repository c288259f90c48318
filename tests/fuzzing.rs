//! The fuzz targets, for a moment each: every parser holds its promises on bytes that are almost
//! right. `tests/fuzz/run` goes on for hours, guided by coverage.
//!
//! The inputs are seeds of the right form, changed again and again by a generator that begins at
//! the same place each time, so that a failure comes back. `OTKEL_FUZZ_RUNS` sets their number.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a promise that is broken fails the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

mod fuzz {
    pub(crate) mod targets {
        pub(crate) mod csv;
        pub(crate) mod cut;
        pub(crate) mod detection;
        pub(crate) mod envelope;
        pub(crate) mod form;
        pub(crate) mod json;
        pub(crate) mod multipart;
        pub(crate) mod ndjson;
        pub(crate) mod request;
        pub(crate) mod xml;
    }
}

/// Runs a target on inputs grown from seeds and from words that mean something in its syntax.
fn fuzz(run: fn(&[u8]), seeds: &[&str], words: &[&str]) {
    let runs = std::env::var("OTKEL_FUZZ_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..runs {
        let mut input = dice.pick(seeds).as_bytes().to_vec();
        for _ in 0..dice.below(6) {
            change(&mut input, &mut dice, seeds, words);
        }
        let is_held = catch_unwind(AssertUnwindSafe(|| run(&input))).is_ok();
        assert!(is_held, "a promise is broken by {:?}", String::from_utf8_lossy(&input));
    }
}

fn change(input: &mut Vec<u8>, dice: &mut Dice, seeds: &[&str], words: &[&str]) {
    let at = dice.below(input.len() + 1);
    let end = input.len().min(at + dice.below(8));
    match dice.below(6) {
        0 => drop(input.splice(at..end, [])),
        1 => drop(input.splice(at..at, dice.pick(words).bytes())),
        2 => drop(input.splice(at..end, dice.pick(words).bytes())),
        3 => {
            let byte = u8::try_from(dice.below(256)).unwrap();
            input.splice(at..end.min(at + 1), [byte]);
        }
        4 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        _ => {
            let other = dice.pick(seeds).as_bytes();
            let from = dice.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
    }
}

/// Numbers that look like chance and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const RUNS: usize = 20_000;

#[test]
fn json() {
    let seeds = [
        r#"{"note":"x","l":[{"iin":"1","name":{"family":"A"},"marks":[1,2.5e1],"row":[0,true]}]}"#,
        r#" { "l" : [ { "iin" : 12 , "name" : null } , [ ] ] , "z" : { "y" : "\ud83d\ude00" } } "#,
        "[]",
    ];
    let words =
        ["{", "}", "[", "]", ",", ":", "\"", "\\u0061", "\"l\":", "null", "-0", "1e9", "\n"];
    fuzz(fuzz::targets::json::run, &seeds, &words);
}

#[test]
fn csv() {
    let seeds = [
        "iin,name,x,note\n1,a,b,c\n2,\"a \"\"b\"\"\",,\"c\nd\"\n",
        "\u{FEFF}note,\"iin\"\r\n1,2\r\n\"\",\"3,4\"\r\n\r\n",
        "iin\n1\n\"\"\n",
        "x,y\n1,2",
    ];
    let words = [
        ",", "\n", "\r\n", "\r", "\"", "\"\"", "\",", "\n\n", "iin", "name", "sep=", "\t", "\0",
        "й",
    ];
    fuzz(fuzz::targets::csv::run, &seeds, &words);
}

#[test]
fn detection() {
    let seeds = [
        "ЖСН 580101100015, тел. +7 (701) 000-00-00; a.b@c.kz",
        "KZ86 125K ZT50 0410 0100 / 4242-4242-4242-4242 / 22.11.2026",
        "паспорт N01234567, куәлік 012 345 678, ８７０１０００００００",
        "58.01.01.10.00.15",
    ];
    let words = [
        " ",
        "-",
        ".",
        "(",
        ")",
        "+",
        "@",
        "0",
        "8",
        "00",
        "810",
        "\u{200b}",
        "\u{ad}",
        "⑩",
        "½",
        "١",
        "\"",
        "KZ",
        "К",
        "№",
        "passport ",
    ];
    fuzz(fuzz::targets::detection::run, &seeds, &words);
}

#[test]
fn ndjson() {
    let seeds = [
        "{\"iin\":\"1\",\"name\":{\"family\":\"A\"},\"marks\":[1,2]}\n{\"iin\":2}\n",
        "{}\r\n [1,2] \r\n{\"name\":{\"family\":\"\\n\"},\"x\":[{}]}",
        "[]\n",
    ];
    let words =
        ["{", "}", "[", "]", ",", ":", "\"", "\n", "\n\n", "\r\n", "\"iin\":", "null", "-0", " "];
    fuzz(fuzz::targets::ndjson::run, &seeds, &words);
}

#[test]
fn envelope() {
    let header = |rcpt: &str, more: &str| {
        let start = r#"{"v":1,"did":"01920000-0000-7000-8000-000000000007","iss":"g","aud":"p","#;
        let middle = r#""m":"POST","p":"/","cty":"","iat":1,"pur":"P09","exp":2,"onw":false,"#;
        let header = format!(r#"{start}{middle}{more}"rcpt":[{rcpt}]}}"#);
        // In this test inputs are text, which both bytes of the length must be too.
        let spaces = if header.len() & 0x80 == 0 { 0 } else { 0x80 - (header.len() & 0x7f) };
        let header = header + &" ".repeat(spaces);
        let [high, low] = u16::try_from(header.len()).unwrap().to_be_bytes();
        format!("{}{}{header}", char::from(high), char::from(low))
    };
    let rcpt = |kid: &str, kem: u16| format!(r#"{{"kid":"{kid}","kem":{kem},"kdf":1,"aead":3}}"#);
    let (ours, other) = (rcpt("BxDn3oghGeMxYQyscgwbFQ", 32), rcpt("AAAAAAAAAAAAAAAAAAAAAA", 32));
    let pad = r#""pad":true,"note":"0123","#;
    let seeds = [
        format!("OTK1\x01\0{}{}", header(&ours, ""), "a".repeat(70)),
        format!(
            "OTK1\x02\0{}{}",
            header(&format!("{other},{}", rcpt("B", 25722)), pad),
            "a".repeat(1400)
        ),
        format!("OTK1\x03\0{}{}", header(&other, pad), "a".repeat(200)),
        format!("\0\0\0\x05OTK1\x01\0\0\x01{}", "\0\0\0\x02aa".repeat(9)),
    ];
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let words = [
        "OTK1",
        "\x01",
        "\x02",
        "\x03",
        "\0",
        "{",
        "}",
        ",",
        r#""v":1"#,
        r#""kem":32"#,
        "25722",
        "a",
    ];
    fuzz(fuzz::targets::envelope::run, &seeds, &words);
}

#[test]
fn form() {
    let seeds = ["iin=850101300123&name=%D0%A1+a&tags=a&tags=b", "x=1&n%61me=%0D%0A&y=", "iin=1"];
    let words =
        ["&", "=", "%", "%4", "%41", "%C3", "%00", "+", ";", "iin=", "name", "&tags=", "й", " "];
    fuzz(fuzz::targets::form::run, &seeds, &words);
}

#[test]
fn cut() {
    let seeds = [
        "\0\x10\0a,iin\n1,2\n\"3\n\",\"4\"\"\"\n5,6\n",
        "\x03\x21\x05a,iin\r\n1,2\r\n3,4\r\n\r\n",
        "\x01\x31\x02[{\"a\":1,\"iin\":\"]\\\"\"} , {\"a\":[2]},{},[3],{\"a\":null}]",
        "\x02\x42\x03{\"a\":1}\n{\"iin\":\"x\"}\r\n[1]\n{}\n",
    ];
    let words = ["{", "}", "[", "]", ",", "\"", "\\", "\n", "\r\n", "\n\n", ":", "1", " ", "\"\""];
    fuzz(fuzz::targets::cut::run, &seeds, &words);
}

#[test]
fn multipart() {
    let text = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nx\r\n--b\r\n\
        Content-Disposition: form-data; name=tag\r\nContent-Type: text/plain\r\n\r\ny\r\n--b--\r\n";
    let json = "--b\r\nContent-Disposition: form-data; name=\"l\"; filename=\"a\"\r\n\
        Content-Type: application/json\r\n\r\n[{\"iin\":\"1\",\"x\":2}]\r\n--b--";
    let pdf = "--b\r\nContent-Disposition: form-data; name=\"pdf\"\r\n\
        Content-Type: application/pdf\r\n\r\n%PDF-1.4\nxref\ntrailer\nstartxref\n9\n%%EOF\r\n--b--";
    let words = [
        "--b",
        "--b--",
        "\r\n",
        "\n",
        "; ",
        "name=",
        "filename=",
        "\"",
        "\\",
        "%22",
        "note",
        "tag",
        "Content-Type: ",
        "Content-Length: 1",
        "text/plain",
        "charset=utf-8",
        "\r\n\r\n",
    ];
    fuzz(fuzz::targets::multipart::run, &[text, json, pdf], &words);
}

#[test]
fn request() {
    let seeds = [
        "\0\u{3}GET\u{5}https\u{1}a\u{2}/b\u{4}\u{1}c\u{1}d\u{1}e\0",
        "\0\u{4}POST\u{5}https\0\u{1}/",
    ];
    fuzz(fuzz::targets::request::run, &seeds, &["\0", "\u{40}", "\u{1}", "https", "/", "A"]);
}

#[test]
fn xml() {
    let seeds = [
        "<r xmlns:e='urn:e'><note>a&amp;b</note><l id=\"1\"><iin>850101300123</iin>\
         <name e:lang='kk'>\
         A<!-- c -->b</name><e:mark>5</e:mark><row/><row><![CDATA[<x>]]></row></l></r>",
        "<?xml version=\"1.0\" encoding='UTF-8'?>\n<!-- x --><r><l xmlns:p=\"urn:e\">\r\n\
         <p:mark>&#1057;</p:mark><p:mark/><x y='&#10;'><z/></x></l>\n</r><?pi?>",
        "<r/>",
    ];
    let words = [
        "<",
        ">",
        "</",
        "/>",
        "=",
        "\"",
        "'",
        "&",
        "&#x41;",
        "&lt;",
        ";",
        "<!--",
        "-->",
        "--",
        "<?",
        "?>",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE",
        "xmlns",
        "xmlns:e=''",
        "e:",
        ":",
        " ",
        "\r",
        "<l>",
        "</l>",
        "<r>",
        "</r>",
        "id=''",
        "<name>",
        "</name>",
        "й",
    ];
    fuzz(fuzz::targets::xml::run, &seeds, &words);
}
