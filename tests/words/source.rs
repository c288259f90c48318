//! The string literals of Rust sources, each with the calls that it stands in.

/// A string literal.
#[derive(Debug, PartialEq)]
pub(crate) struct Literal {
    /// What it holds.
    pub(crate) text: String,
    /// The words before the brackets around it, the outermost first: `item.wrong`, `text!`, `#`.
    pub(crate) within: Vec<String>,
    /// Whether it stands first between the innermost brackets.
    pub(crate) is_first: bool,
}

/// The literals of a source up to its module of tests.
pub(crate) fn literals(source: &str) -> Vec<Literal> {
    let mut rest = source.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut within: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut is_first = false;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some((text, after)) = string(rest) {
            found.push(Literal { text, within: within.clone(), is_first });
            is_first = false;
            rest = after;
        } else if let Some(after) = character(rest) {
            is_first = false;
            rest = after;
        } else {
            match c {
                '(' | '[' | '{' => within.push(std::mem::take(&mut word)),
                ')' | ']' | '}' => drop(within.pop()),
                _ if c.is_alphanumeric() || "_!#.:".contains(c) => word.push(c),
                ' ' if word.ends_with('!') => {}
                _ => word.clear(),
            }
            is_first = "([{".contains(c) || is_first && c.is_whitespace();
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

fn string(rest: &str) -> Option<(String, &str)> {
    let raw = rest.strip_prefix('r').map(|raw| raw.trim_start_matches('#'));
    if let Some(body) = raw.and_then(|raw| raw.strip_prefix('"')) {
        let hashes = "#".repeat(rest.len() - body.len() - 2);
        return body
            .split_once(&format!("\"{hashes}"))
            .map(|(text, after)| (text.to_owned(), after));
    }
    let body = rest.strip_prefix('"')?;
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &body[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'u' => text.push('\u{fffd}'),
                '\n' => {
                    let blank = |(_, c): &(usize, char)| c.is_whitespace();
                    let mut ahead = chars.clone();
                    while ahead.next().as_ref().is_some_and(blank) {
                        chars.next();
                    }
                }
                other => text.push(other),
            },
            _ => text.push(c),
        }
    }
    None
}

// A character or a lifetime: only a character can hold a quote.
fn character(rest: &str) -> Option<&str> {
    let body = rest.strip_prefix('\'')?;
    let escaped = body.strip_prefix('\\');
    let first = escaped.unwrap_or(body).chars().next()?;
    let after = &escaped.unwrap_or(body)[first.len_utf8()..];
    after.strip_prefix('\'').or(Some(after))
}
