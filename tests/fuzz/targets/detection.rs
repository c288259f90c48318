//! Any text: no crash, hits in their order and inside of the text, and none that a quick look
//! overlooks.

use otkel::detection::{Hit, may_hold, scan, scan_number};

/// Holds the promises against one text.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = scan_number(text);
    let hits = hits(text);
    assert!(hits.is_empty() || may_hold(bytes), "overlooked");
    let mut end = 0;
    for hit in &hits {
        assert!(hit.span.start >= end && hit.span.start < hit.span.end, "not in order");
        assert!(text.get(hit.span.clone()).is_some(), "inside of a character");
        end = hit.span.end;
    }
}

fn hits(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    scan(text, |hit| hits.push(hit));
    hits
}
