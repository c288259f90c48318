//! The small values of rule files: texts, dates, numbers of persons, names of machines.
//!
//! Each is read by one function, which reports what it does not take.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::table::{Item, Key};
use crate::document::FieldPath;
use crate::time::Timestamp;
use crate::vocabulary::{CategoryId, Country, Name, PurposeId};

/// A text of at least one character, without control characters and outer blanks.
pub(super) fn text(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    if text.is_empty() {
        item.wrong("empty text")
    } else if text.trim() != text || text.chars().any(char::is_control) {
        item.wrong("text with control characters, or blanks at its ends")
    } else {
        Some(text.to_owned())
    }
}

/// A day, not before the Republic's law binds.
pub(super) fn date(item: &Item<'_>) -> Option<Date> {
    let date = item.date()?;
    let date = (i16::try_from(date.year).ok())
        .zip(i8::try_from(date.month).ok().zip(i8::try_from(date.day).ok()))
        .and_then(|(year, (month, day))| Date::new(year, month, day).ok());
    match date {
        Some(date) if date.year() >= YEAR_MIN => Some(date),
        _ => item.wrong("a date before the year 1990"),
    }
}

/// The first moment of a day in Kazakhstan.
pub(super) fn day_start(item: &Item<'_>) -> Option<Timestamp> {
    date(item).map(Timestamp::start_of)
}

/// The moment at which a day in Kazakhstan is over.
pub(super) fn day_end(item: &Item<'_>) -> Option<Timestamp> {
    day_start(item).map(|start| start.plus_millis(DAY_MILLIS))
}

/// A moment after the given one, as the end of a period.
pub(super) fn day_end_after(item: &Item<'_>, since: Option<Timestamp>) -> Option<Timestamp> {
    let end = day_end(item)?;
    if since.is_some_and(|since| end <= since) {
        return item.wrong("the period ends before it begins");
    }
    Some(end)
}

/// A moment: a date and time with its offset.
pub(super) fn moment(item: &Item<'_>) -> Option<Timestamp> {
    let moment = item.moment()?.to_string();
    Timestamp::parse(&moment).map_or_else(|bad| item.wrong(bad.to_string()), Some)
}

/// A number of days, hours or the like, from 1 to a largest one.
pub(super) fn count(item: &Item<'_>, largest: u32) -> Option<u32> {
    match u32::try_from(item.whole()?) {
        Ok(count) if (1..=largest).contains(&count) => Some(count),
        _ => item.wrong("out of range"),
    }
}

/// A SHA-256 in hexadecimal.
pub(super) fn sha256(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Some(text.to_owned())
    } else {
        item.wrong("not a SHA-256: expected 64 of 0-9 and a-f")
    }
}

/// A name that the operator gave, without a dot, which stands between a partner and its route.
pub(super) fn own_name(item: &Item<'_>) -> Option<Name> {
    let name = name(item)?;
    if name.as_str().contains('.') { item.wrong("a name with a dot") } else { Some(name) }
}

/// A name.
pub(super) fn name(item: &Item<'_>) -> Option<Name> {
    Name::parse(item.text()?).map_or_else(|bad| item.wrong(bad), Some)
}

/// A name that is a key.
pub(super) fn name_key(key: &Key<'_>) -> Option<Name> {
    Name::parse(key.text).map_or_else(|bad| key.wrong(bad, "change the key"), Some)
}

/// A purpose's number.
pub(super) fn purpose(item: &Item<'_>) -> Option<PurposeId> {
    PurposeId::parse(item.text()?).map_or_else(|bad| item.wrong(bad), Some)
}

/// A purpose's number that is a key.
pub(super) fn purpose_key(key: &Key<'_>) -> Option<PurposeId> {
    let help = "number purposes as the policy's section 3.1 does";
    PurposeId::parse(key.text).map_or_else(|bad| key.wrong(bad, help), Some)
}

/// A category's number.
pub(super) fn category(item: &Item<'_>) -> Option<CategoryId> {
    CategoryId::parse(item.text()?).map_or_else(|bad| item.wrong(bad), Some)
}

/// A category's number that is a key.
pub(super) fn category_key(key: &Key<'_>) -> Option<CategoryId> {
    let help = "number categories as the policy's section 2.2 does";
    CategoryId::parse(key.text).map_or_else(|bad| key.wrong(bad, help), Some)
}

/// A country.
pub(super) fn country(item: &Item<'_>) -> Option<Country> {
    known_country(item.text()?).or_else(|| item.wrong("not a country of ISO 3166-1"))
}

/// A country that is a key.
pub(super) fn country_key(key: &Key<'_>) -> Option<Country> {
    let help = "write the two capital letters of ISO 3166-1, such as `KZ`";
    known_country(key.text).or_else(|| key.wrong("not a country of ISO 3166-1", help))
}

/// A field path.
pub(super) fn path(item: &Item<'_>) -> Option<FieldPath> {
    FieldPath::parse(item.text()?).map_or_else(|bad| item.wrong(&bad), Some)
}

/// A list without repetitions.
pub(super) fn distinct<'f, T: Ord + Clone>(
    item: &Item<'f>,
    read: impl Fn(&Item<'f>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut seen = BTreeSet::new();
    item.list(|item| {
        let value = read(item)?;
        if seen.insert(value.clone()) { Some(value) } else { item.wrong("named twice") }
    })
}

/// A business identification number (BIN): 12 digits, the last one a check digit.
///
/// Year and month of registration, the kind (4 resident, 5 non-resident, 6 joint enterprise), the
/// part (0 head, 1 branch, 2 representation, 3 farm), a serial number (government decree 406 of
/// 22.05.2007).
pub(super) fn is_bin(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let [_, _, m1, m2, kind, part, .., check] = digits.as_slice() else { return false };
    let month = m1 * 10 + m2;
    let form = text.len() == 12
        && digits.len() == 12
        && (1..=12).contains(&month)
        && (4..=6).contains(kind)
        && *part <= 3;
    let sum = |weights: [u32; 11]| -> u32 {
        digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11
    };
    let remainder = match sum([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
        10 => sum([3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]),
        remainder => remainder,
    };
    form && remainder == *check
}

fn known_country(text: &str) -> Option<Country> {
    let country = Country::parse(text).ok()?;
    COUNTRIES.split_ascii_whitespace().any(|known| known == text).then_some(country)
}

const DAY_MILLIS: i64 = 86_400_000;

/// The Republic's law binds nothing earlier.
pub(super) const YEAR_MIN: i16 = 1990;

// ISO 3166-1 alpha-2, officially assigned codes.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE \
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC \
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO \
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_has_its_kind_and_check_digit() {
        let valid = [
            "500140000017",
            "511241000020",
            "551242000063",
            "520650000033",
            "530360000049",
            "540943000054",
            "570140000000",
        ];
        for bin in valid {
            assert!(is_bin(bin), "{bin}");
        }
        let invalid = [
            "500140000018",
            "501340000017",
            "500040000013",
            "500170000010",
            "500149000016",
            "580101100015",
            "50014000001",
            "000000000000",
            "50014000001７",
            "",
        ];
        for bin in invalid {
            assert!(!is_bin(bin), "{bin}");
        }
    }

    #[test]
    fn countries_are_the_assigned_ones() {
        assert_eq!(COUNTRIES.split_ascii_whitespace().count(), 249);
        assert!(known_country("KZ").is_some() && known_country("GB").is_some());
        assert!(known_country("UK").is_none() && known_country("kz").is_none());
    }
}
