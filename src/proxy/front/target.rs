//! The target of a request, and the host it is for.
//!
//! ```text
//! target = "/" segment *( "/" segment ) [ "?" query ]      RFC 9112, 3.2.1
//! segment = 1*pchar (the last may be empty)                RFC 3986, 3.3
//! host = name / IPv4 / "[" IPv6 "]"  [ ":" port ]          RFC 3986, 3.2
//! ```
//! What a path decoder downstream could read as another path is refused: dot and empty segments,
//! and `.`, `/`, `\` and control characters behind a `%`.

use super::HeadFault;

/// Checks a target in origin form. Whether a query is wanted is for the route to say.
pub(crate) fn check(target: &[u8]) -> Result<(), HeadFault> {
    if target.len() > TARGET_BYTES_MAX {
        return Err(HeadFault::TargetTooLong);
    }
    if target.first() != Some(&b'/') {
        return Err(HeadFault::TargetForm);
    }
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at_checked(end).ok_or(HeadFault::TargetForm)?;
    check_path(path)?;
    check_query(query)
}

/// Checks the host of a request: `Host` or `:authority`.
pub(super) fn check_host(host: &[u8]) -> Result<(), HeadFault> {
    let name_end = match host.first() {
        None => return Err(HeadFault::HostAbsent),
        Some(b'[') => host.iter().position(|byte| *byte == b']').map(|end| end + 1),
        Some(_) => Some(host.iter().position(|byte| *byte == b':').unwrap_or(host.len())),
    };
    let (name, port) =
        name_end.and_then(|end| host.split_at_checked(end)).ok_or(HeadFault::HostForm)?;
    if is_host_name(name) && is_port(port) { Ok(()) } else { Err(HeadFault::HostForm) }
}

fn check_path(path: &[u8]) -> Result<(), HeadFault> {
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        // A parameter does not stop some servers from reading `..;x` as `..`.
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        if matches!(name, b"." | b"..") || (segment.is_empty() && !is_last) {
            return Err(HeadFault::TargetSegment);
        }
        check_characters(segment, is_pchar, is_harmless_code)?;
    }
    Ok(())
}

fn check_query(query: &[u8]) -> Result<(), HeadFault> {
    check_characters(query, |byte| is_pchar(byte) || matches!(byte, b'/' | b'?'), |_| true)
}

fn check_characters(
    bytes: &[u8],
    is_taken: impl Fn(u8) -> bool,
    is_taken_encoded: impl Fn(u8) -> bool,
) -> Result<(), HeadFault> {
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'%' {
            let [high, low, after @ ..] = rest else { return Err(HeadFault::TargetCharacter) };
            let code = hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low);
            if !code.is_some_and(&is_taken_encoded) {
                return Err(HeadFault::TargetCharacter);
            }
            rest = after;
        } else if *byte == b'#' {
            return Err(HeadFault::TargetForm);
        } else if !is_taken(*byte) {
            return Err(HeadFault::TargetCharacter);
        }
    }
    Ok(())
}

const fn is_pchar(byte: u8) -> bool {
    matches!(byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~'
        | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        | b':' | b'@')
}

const fn is_harmless_code(code: u8) -> bool {
    !matches!(code, 0..=0x1f | 0x7f | b'.' | b'/' | b'\\' | b'%')
}

fn is_host_name(name: &[u8]) -> bool {
    match name {
        [b'[', address @ .., b']'] => std::str::from_utf8(address)
            .is_ok_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        _ => {
            (1..=HOST_BYTES_MAX).contains(&name.len())
                && name
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    }
}

fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && std::str::from_utf8(digits).is_ok_and(|port| port.parse::<u16>().is_ok())
        }
        _ => false,
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

const TARGET_BYTES_MAX: usize = 2 * 1024;
const HOST_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_taken() {
        for good in [
            "/",
            "/a",
            "/a/",
            "/a/b.c/~x;p=1",
            "/a%20b%C3%A9",
            "/a?",
            "/a?b=%2e%00/?c",
            "/.well-known/x",
            "/a..b",
            "/...",
            "/a@b:c",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_could_be_read_as_another_path_is_refused() {
        use HeadFault::{TargetCharacter, TargetForm, TargetSegment, TargetTooLong};
        let long = format!("/{}", "a".repeat(TARGET_BYTES_MAX));
        for (bad, fault) in [
            ("", TargetForm),
            ("*", TargetForm),
            ("a/b", TargetForm),
            ("?a", TargetForm),
            ("http://a/b", TargetForm),
            ("a:443", TargetForm),
            ("/a#b", TargetForm),
            ("/a?b#c", TargetForm),
            ("//a", TargetSegment),
            ("/a//b", TargetSegment),
            ("/./a", TargetSegment),
            ("/a/..", TargetSegment),
            ("/a/.", TargetSegment),
            ("/..;x/a", TargetSegment),
            ("/a/.;/b", TargetSegment),
            ("/%2e%2e/a", TargetCharacter),
            ("/%2E/a", TargetCharacter),
            ("/a%2fb", TargetCharacter),
            ("/a%5Cb", TargetCharacter),
            ("/a%00", TargetCharacter),
            ("/a%0d%0a", TargetCharacter),
            ("/a%252e", TargetCharacter),
            ("/a\\b", TargetCharacter),
            ("/a%", TargetCharacter),
            ("/a%4", TargetCharacter),
            ("/a%zz", TargetCharacter),
            ("/a\u{e9}", TargetCharacter),
            ("/a\tb", TargetCharacter),
            ("/a?b c", TargetCharacter),
            ("/a?%g1", TargetCharacter),
            ("/a|b", TargetCharacter),
            (&long, TargetTooLong),
        ] {
            assert_eq!(check(bad.as_bytes()), Err(fault), "{bad}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_address_with_at_most_a_port() {
        for good in ["a", "a.example", "A-b_c.example:8443", "192.0.2.1:1", "[2001:db8::1]:443"] {
            assert_eq!(check_host(good.as_bytes()), Ok(()), "{good}");
        }
        assert_eq!(check_host(b""), Err(HeadFault::HostAbsent));
        for bad in [
            ":443", "a:", "a:b", "a:99999", "a:+1", "u@a", "a/b", "a,b", "a b", "[::1", "[g]",
            "[::1]x", "a\u{e9}", "a?b", "a#b",
        ] {
            assert_eq!(check_host(bad.as_bytes()), Err(HeadFault::HostForm), "{bad}");
        }
    }
}
