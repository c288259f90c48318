//! Words of the network in rule files: hosts, paths, headers, and ways to reach somebody.

use super::table::Item;
use super::word::text;
use crate::diagnostic::{Text, text};

/// A way to reach somebody: an e-mail address, a telephone number or a URL.
pub(super) fn contact(item: &Item<'_>) -> Option<String> {
    let text = text(item)?;
    if text.contains('@') || text.contains('+') || text.starts_with("https://") {
        Some(text)
    } else {
        item.wrong("neither an e-mail address nor a telephone number nor an https URL")
    }
}

/// An e-mail address, as far as its form tells.
pub(super) fn email(item: &Item<'_>) -> Option<String> {
    let text = text(item)?;
    match text.split_once('@') {
        Some((user, host)) if !user.is_empty() && is_host(host) && !text.contains(' ') => {
            Some(text)
        }
        _ => item.wrong("not an e-mail address"),
    }
}

/// A telephone number with its country code (ITU-T E.164), blanks and brackets allowed.
pub(super) fn phone(item: &Item<'_>) -> Option<String> {
    let text = text(item)?;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let known = |c: char| c.is_ascii_digit() || "+-() ".contains(c);
    if text.starts_with('+') && (8..=15).contains(&digits) && text.chars().all(known) {
        Some(text)
    } else {
        item.wrong("not a telephone number with `+` and country code")
    }
}

/// A host name in lower case (RFC 1123), with at least two labels and not an address.
pub(super) fn host(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    if is_host(text) {
        Some(text.to_owned())
    } else {
        item.wrong("not a host name: expected letters a-z, digits, `-` and at least one dot")
    }
}

/// The path of a URL: `/`, then segments of unreserved characters (RFC 3986) between slashes.
pub(crate) fn url_path(text: &str) -> Option<&str> {
    let segments = text.strip_prefix('/')?;
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let fits = |segment: &str| {
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(unreserved)
    };
    (text.len() <= 1024 && (segments.is_empty() || segments.split('/').all(fits))).then_some(text)
}

/// A header's name in lower case (RFC 9110) that a caller may have passed on.
pub(super) fn header(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    if !is_header(text) {
        return item.wrong(NO_HEADER);
    }
    match header_name(text) {
        Ok(()) => Some(text.to_owned()),
        Err((message, help)) => item.wrong_since(message, help),
    }
}

/// Whether something of a header may leave, or why not.
pub(super) fn header_name(text: &str) -> Result<(), (Text, Text)> {
    if !is_header(text) {
        return Err((NO_HEADER.into(), "write the name in lower case".into()));
    }
    let kept = HEADERS_KEPT.contains(&text)
        || HEADER_FAMILIES_KEPT.iter().any(|family| text.starts_with(family));
    if !kept {
        return Ok(());
    }
    let help = "leave it out: it belongs to the caller's connection, credentials or body, or the \
        gateway writes it itself";
    Err((text!("the gateway never passes on `{}`", text), help.into()))
}

fn is_header(text: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(is_token)
}

const NO_HEADER: &str = "not a header name: expected a-z, 0-9 and `-`";

/// Whether a text is a host name as rule files have it.
pub(crate) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && top.starts_with(|c: char| c.is_ascii_lowercase())
}

// Connection and credential headers (RFC 9110 section 7.6.1), and those the gateway writes anew.
const HEADERS_KEPT: [&str; 19] = [
    "authorization",
    "connection",
    "cookie",
    "cookie2",
    "date",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "keep-alive",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "www-authenticate",
];

// Headers by the beginning of their names: of the body, of proxies, of this gateway, and those that
// some servers take for another method or path.
const HEADER_FAMILIES_KEPT: [&str; 12] = [
    "accept-encoding",
    "content-",
    "otkel-",
    "proxy-",
    "sec-",
    "signature",
    "x-forwarded-",
    "x-http-method",
    "x-method-",
    "x-original-",
    "x-real-ip",
    "x-rewrite-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_place() {
        for path in ["/", "/v1/learners", "/a/b.json", "/A~b_c-9"] {
            assert_eq!(url_path(path), Some(path));
        }
        for path in ["", "v1", "//", "/a//b", "/a/", "/../b", "/a/.", "/a?b", "/a#b", "/%2e", "/ä"]
        {
            assert_eq!(url_path(path), None, "{path}");
        }
    }

    #[test]
    fn a_host_is_a_name_and_not_an_address() {
        for host in ["api.training-gb.example", "a.b", "xn--80ak6aa92e.kz"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["localhost", "10.0.0.1", "[::1]", "A.example", "a..b", "-a.b", "a.b:443", ""] {
            assert!(!is_host(host), "{host}");
        }
    }
}
