use super::*;

fn hits(text: &str) -> Vec<(Kind, &str)> {
    let mut hits = Vec::new();
    scan(text, |hit| hits.push((hit.kind, &text[hit.span])));
    hits
}
