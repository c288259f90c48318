use super::*;

/// A line with identifiers, `{kind:…}` around each.
struct Line {
    text: String,
    hits: Vec<(Kind, String)>,
}

fn lines() -> Vec<Line> {
    let file = include_str!("../../tests/vectors/identifiers.txt");
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.map(|line| read(&unescape(line))).collect()
}

fn unescape(line: &str) -> String {
    let mut parts = line.split(r"\u{");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        text.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        text.push_str(rest);
    }
    text
}

fn read(line: &str) -> Line {
    let mut parts = line.split('{');
    let mut text = parts.next().unwrap().to_owned();
    let mut hits = Vec::new();
    for part in parts {
        let (kind, rest) = part.split_once(':').unwrap();
        let (identifier, rest) = rest.split_once('}').unwrap();
        let kind = Kind::ALL.into_iter().find(|known| known.word() == kind).unwrap();
        hits.push((kind, identifier.to_owned()));
        text = text + identifier + rest;
    }
    Line { text, hits }
}

fn hits(text: &str) -> Vec<(Kind, String)> {
    let mut hits = Vec::new();
    scan(text, |hit| hits.push((hit.kind, text[hit.span].to_owned())));
    hits
}

#[test]
fn each_line_of_the_vectors_has_its_identifiers_and_no_others() {
    let lines = lines();
    assert!(lines.len() > 250);
    let wrong: Vec<String> = lines
        .iter()
        .filter(|line| hits(&line.text) != line.hits)
        .map(|line| format!("{}\n  {:?}", line.text, hits(&line.text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
