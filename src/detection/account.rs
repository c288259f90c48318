//! Bank accounts: ISO 13616-1, with the countries of its register.

use std::ops::Range;

use super::DIGITS_MIN;
use super::plain::is_blank;

/// The account whose check digits begin here, if there is one.
pub(super) fn at(plain: &[u8], digits: usize) -> Option<Range<usize>> {
    let (head, rest) = plain.split_at_checked(digits)?;
    let country = match head {
        [.., a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => [*a, *b],
        [.., a, b, gap] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && is_gap(*gap) => {
            [*a, *b]
        }
        _ => return None,
    };
    let structure = structure(country)?;
    let gap = usize::from(!head.last().is_some_and(u8::is_ascii_alphabetic));
    let end = digits + length(rest, country, structure)?;
    Some(digits - 2 - gap..end)
}

/// How far an account of a structure goes, from its check digits on.
fn length(rest: &[u8], country: [u8; 2], structure: &str) -> Option<usize> {
    let mut account = [0_u8; ACCOUNT_MAX];
    let mut places = account.iter_mut();
    let mut kinds = kinds(structure);
    let (mut gaps, mut end) = (0, 0);
    let mut kind = kinds.next();
    for (at, byte) in rest.iter().enumerate() {
        let Some(wanted) = kind else { break };
        if is_gap(*byte) && gaps < GAP_MAX && at > 0 {
            gaps += 1;
            continue;
        }
        let fits = match wanted {
            b'n' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_alphabetic(),
            _ => byte.is_ascii_alphanumeric(),
        };
        if !fits {
            return None;
        }
        *places.next()? = *byte;
        (gaps, end) = (0, at + 1);
        kind = kinds.next();
    }
    let goes_on = rest.get(end).is_some_and(u8::is_ascii_alphanumeric);
    let left = places.len();
    let (account, _) = account.split_at_checked(ACCOUNT_MAX - left)?;
    // What has so few digits is a word, and nothing that a quick look would have stopped at.
    let digits = account.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_account = digits >= DIGITS_MIN && has_check_digits(account, country);
    (kind.is_none() && !goes_on && is_account).then_some(end)
}

/// What may stand at each place after the country: two check digits, then the account.
fn kinds(structure: &str) -> impl Iterator<Item = u8> {
    let mut n = 0_usize;
    let parts = structure.bytes().filter_map(move |byte| {
        if byte.is_ascii_digit() {
            n = n * 10 + usize::from(byte & 0xF);
            return None;
        }
        Some(std::iter::repeat_n(byte, std::mem::take(&mut n)))
    });
    std::iter::repeat_n(b'n', 2).chain(parts.flatten())
}

/// Check digits and account: with country and check digits at its end the number is 1 mod 97.
fn has_check_digits(account: &[u8], country: [u8; 2]) -> bool {
    let Some((check, account)) = account.split_at_checked(2) else { return false };
    let bytes = account.iter().chain(&country).chain(check);
    let values = bytes.filter_map(|byte| char::from(*byte).to_digit(36));
    let left = values.fold(0, |left, value| {
        if value > 9 { (left * 100 + value) % 97 } else { (left * 10 + value) % 97 }
    });
    left == 1
}

fn structure(country: [u8; 2]) -> Option<&'static str> {
    let country = country.map(|letter| letter.to_ascii_uppercase());
    let of = |row: &&str| row.as_bytes().iter().take(2).copied().cmp(country);
    let at = STRUCTURES.binary_search_by(of).ok()?;
    STRUCTURES.get(at)?.get(3..)
}

fn is_gap(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'-' | b'.')
}

const ACCOUNT_MAX: usize = 32;
/// How many characters stand between the groups of an account at most.
const GAP_MAX: usize = 2;

/// The structure of each country's accounts after the check digits: digits (`n`), letters (`a`) or
/// both (`c`). From the IBAN register, release 101.
const STRUCTURES: [&str; 89] = [
    "AD 8n12c",
    "AE 19n",
    "AL 8n16c",
    "AT 16n",
    "AZ 4a20c",
    "BA 16n",
    "BE 12n",
    "BG 4a6n8c",
    "BH 4a14c",
    "BI 23n",
    "BR 23n1a1c",
    "BY 4c4n16c",
    "CH 5n12c",
    "CR 18n",
    "CY 8n16c",
    "CZ 20n",
    "DE 18n",
    "DJ 23n",
    "DK 14n",
    "DO 4c20n",
    "EE 16n",
    "EG 25n",
    "ES 20n",
    "FI 14n",
    "FK 2a12n",
    "FO 14n",
    "FR 10n11c2n",
    "GB 4a14n",
    "GE 2a16n",
    "GI 4a15c",
    "GL 14n",
    "GR 7n16c",
    "GT 24c",
    "HN 4a20n",
    "HR 17n",
    "HU 24n",
    "IE 4a14n",
    "IL 19n",
    "IQ 4a15n",
    "IS 22n",
    "IT 1a10n12c",
    "JO 4a4n18c",
    "KW 4a22c",
    "KZ 3n13c",
    "LB 4n20c",
    "LC 4a24c",
    "LI 5n12c",
    "LT 16n",
    "LU 3n13c",
    "LV 4a13c",
    "LY 21n",
    "MC 10n11c2n",
    "MD 20c",
    "ME 18n",
    "MK 3n10c2n",
    "MN 16n",
    "MR 23n",
    "MT 4a5n18c",
    "MU 4a19n3a",
    "NI 4a20n",
    "NL 4a10n",
    "NO 11n",
    "OM 3n16c",
    "PK 4a16c",
    "PL 24n",
    "PS 4a21c",
    "PT 21n",
    "QA 4a21c",
    "RO 4a16c",
    "RS 18n",
    "RU 14n15c",
    "SA 2n18c",
    "SC 4a20n3a",
    "SD 14n",
    "SE 20n",
    "SI 15n",
    "SK 20n",
    "SM 1a10n12c",
    "SO 19n",
    "ST 21n",
    "SV 4a20n",
    "TL 19n",
    "TN 20n",
    "TR 6n16c",
    "UA 6n19c",
    "VA 18n",
    "VG 4a16n",
    "XK 16n",
    "YE 4a4n18c",
];
