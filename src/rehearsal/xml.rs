//! Two XML texts compared tag by tag: white space between tags is all that does not count.
//!
//! Both texts must be well formed already; of anything else the answers are of no use, but they
//! come.

use std::ops::Range;

use super::difference::{Departure, Line, compared};

/// Where the text that came leaves the expected one, if it does.
pub(super) fn departure(expected: &str, came: &str) -> Option<Departure> {
    let (mut ours, mut theirs) = (pieces(expected), pieces(came));
    let mut open: Vec<&str> = Vec::new();
    loop {
        let (our, their) = (ours.next(), theirs.next());
        if our.as_ref().map(|piece| piece.text) != their.map(|piece| piece.text) {
            let end = expected.len();
            let path = path(&open, our.as_ref());
            let lines = compared(&lines(expected), &lines(came));
            return Some(Departure {
                expected: our.map_or(end..end, |piece| piece.span),
                path,
                lines,
            });
        }
        match our?.kind() {
            Kind::Start(name) => open.push(name),
            Kind::End => drop(open.pop()),
            Kind::Empty(_) | Kind::Other => {}
        }
    }
}

/// A text that came where none was expected, as lines.
pub(super) fn arrival(came: &str) -> Vec<Line> {
    compared(&[], &lines(came))
}

/// A tag, or the text between two of them.
struct Piece<'t> {
    text: &'t str,
    span: Range<usize>,
}

enum Kind<'t> {
    Start(&'t str),
    Empty(&'t str),
    End,
    Other,
}

impl<'t> Piece<'t> {
    fn kind(&self) -> Kind<'t> {
        let Some(tag) = self.text.strip_prefix('<') else { return Kind::Other };
        let ends = |c: char| c.is_ascii_whitespace() || "/>".contains(c);
        let name = tag.find(ends).and_then(|end| tag.get(..end)).unwrap_or(tag);
        match tag.chars().next() {
            Some('/') => Kind::End,
            Some('?' | '!') | None => Kind::Other,
            Some(_) if tag.ends_with("/>") => Kind::Empty(name),
            Some(_) => Kind::Start(name),
        }
    }
}

/// The tags of a text and what stands between them, unless that is white space alone.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut at = 0;
    let all = std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let length = if rest.starts_with('<') { tag_length(rest) } else { rest.find('<') };
        let start = at;
        at = start.saturating_add(length.unwrap_or(rest.len()));
        Some(Piece { text: text.get(start..at)?, span: start..at })
    });
    all.filter(|piece| !piece.text.trim_ascii().is_empty())
}

/// The length of the tag that a text begins with: a `>` within quotes does not end it.
fn tag_length(text: &str) -> Option<usize> {
    let mut quote = None;
    let end = text.bytes().position(|byte| match (quote, byte) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(byte);
            false
        }
        (Some(open), _) if open == byte => {
            quote = None;
            false
        }
        _ => false,
    });
    end.map(|end| end.saturating_add(1))
}

/// The path of a piece: of the element that it begins, or that it stands in.
fn path(open: &[&str], piece: Option<&Piece<'_>>) -> String {
    let begun = match piece.map(Piece::kind) {
        Some(Kind::Start(name) | Kind::Empty(name)) => Some(name),
        _ => None,
    };
    let names = open.iter().copied().chain(begun);
    let path: String = names.flat_map(|name| ["/", name]).collect();
    if path.is_empty() { "/".to_owned() } else { path }
}

// A line for each tag, with the text that follows a start tag and the tag that ends it.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth: usize = 0;
    let mut is_begun = false;
    for piece in pieces(text) {
        let kind = piece.kind();
        if matches!(kind, Kind::End) {
            depth = depth.saturating_sub(1);
        }
        let joins = is_begun && matches!(kind, Kind::Other | Kind::End);
        match lines.last_mut().filter(|_| joins) {
            Some(line) => line.push_str(piece.text),
            None => lines.push("  ".repeat(depth) + piece.text),
        }
        let starts = matches!(kind, Kind::Start(_));
        depth = depth.saturating_add(usize::from(starts));
        is_begun = starts || (joins && !matches!(kind, Kind::End));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"<?xml version="1.0"?><o a="1>2"><n>Ә  б</n><e/><n>2</n></o>"#;

    #[test]
    fn white_space_between_tags_is_all_that_does_not_count() {
        let spread =
            "<?xml version=\"1.0\"?>\n<o a=\"1>2\">\n\t<n>Ә  б</n>\r\n<e/> <n>2</n>\n</o>\n";
        assert_eq!(departure(TEXT, spread), None);
        assert_eq!(departure(spread, TEXT), None);
        for other in [
            TEXT.replace("Ә  б", "Ә б"),
            TEXT.replace("Ә  б", " Ә  б"),
            TEXT.replace("<e/>", "<e></e>"),
            TEXT.replace("1>2", "1>3"),
            TEXT.replace("<n>2</n>", ""),
            TEXT.replace("</o>", "<n/></o>"),
        ] {
            assert!(departure(TEXT, &other).is_some(), "{other}");
            assert!(departure(&other, TEXT).is_some(), "{other}");
        }
    }

    #[test]
    fn the_first_place_that_differs_is_named() {
        let told = |from: &str, to: &str| {
            let departure = departure(TEXT, &TEXT.replace(from, to)).unwrap();
            (departure.path, TEXT.get(departure.expected).unwrap())
        };
        let is = |path: &str, text: &'static str| (path.to_owned(), text);
        assert_eq!(told("Ә  б", "x"), is("/o/n", "Ә  б"));
        assert_eq!(told("<e/>", ""), is("/o/e", "<e/>"));
        assert_eq!(told(r#"a="1>2""#, ""), is("/o", r#"<o a="1>2">"#));
        assert_eq!(told("</o>", "<x/></o>"), is("/o", "</o>"));
        assert_eq!(told("</o>", ""), is("/o", "</o>"));
        assert_eq!(told("?>", "?> <x/>").0, "/o");
        assert_eq!(departure(TEXT, &format!("{TEXT}<x/>")).unwrap().path, "/");
    }

    #[test]
    fn elements_stand_on_lines_of_their_own() {
        let shown = ["<?xml version=\"1.0\"?>", "<o a=\"1>2\">", "  <n>Ә  б</n>", "  <e/>"];
        assert_eq!(lines(TEXT).get(..4).unwrap(), shown);
        assert_eq!(arrival("<a><b>1</b></a>").len(), 3);
    }

    #[test]
    fn texts_that_are_not_xml_bring_nothing_down() {
        for text in ["", "<", ">", "</", "<a", "</a>", "<a b='", "a<", "<!", "<?", "<Ә"] {
            assert_eq!(departure(text, text), None);
            assert!(departure(text, "<z/>").is_some());
        }
    }
}
