//! What a line of a field map says is done to its values, and to identifiers in them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::table::{Item, Table};
use super::word;
use crate::diagnostic::text;
use crate::policy::{
    DatePart, EnvelopeRules, Generalisation, Mask, OnFound, OnNumber, Recipient, Route, Treatment,
};
use crate::vocabulary::Name;

/// Reads what is done to the values of a field, one thing at most; none to those of a public one.
pub(super) fn read(
    table: &mut Table<'_>,
    is_public: bool,
    recipients: Option<&BTreeMap<Name, Recipient>>,
) -> Option<Treatment> {
    let mut one = OneOf { first: None, is_public };
    let meaning = "`mask = { last = 4 }` leaves the last 4 characters, and `first` as many of the \
        first; `numbers` says what a number becomes";
    let mask = one.key(table, "mask", meaning, |item| item.table(mask).map(Treatment::Mask));
    let meaning = "`truncate` leaves so many characters of the beginning, 1 to 10000";
    let truncate = one.key(table, "truncate", meaning, |item| {
        word::count(item, CHARS_MAX).map(|chars| Treatment::Truncate { chars })
    });
    let generalise = one.key(table, "generalise", GENERALISE, |item| {
        item.table(generalisation).map(Treatment::Generalise)
    });
    let meaning = "`pseudonymise` names what the values are, such as `iin`: fields of one name get \
        one pseudonym for one value, other for each partner";
    let pseudonymise = one.key(table, "pseudonymise", meaning, |item| {
        word::own_name(item).map(|scope| Treatment::Pseudonymise { scope })
    });
    let meaning = "`encrypt` is `partner` for the partner's own key, or one of its \
        `[recipient.NAME]`";
    let encrypt = one.key(table, "encrypt", meaning, |item| {
        holder(item, recipients).map(|to| Treatment::Encrypt { to })
    });
    let all = [mask?, truncate?, generalise?, pseudonymise?, encrypt?];
    Some(all.into_iter().flatten().next().unwrap_or_default())
}

/// Keys of which one may stand.
struct OneOf {
    first: Option<&'static str>,
    is_public: bool,
}

impl OneOf {
    fn key<T>(
        &mut self,
        table: &mut Table<'_>,
        key: &'static str,
        meaning: &'static str,
        read: impl FnOnce(&Item<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        table.optional(key, meaning, |item| {
            let value = read(item);
            if self.is_public {
                return item.wrong_since(
                    "a public field leaves as it is",
                    "give the field a category, or remove the key",
                );
            }
            if let Some(first) = self.first {
                let message = text!("`{}` stands beside `{}`", key, first);
                return item.wrong_since(message, "keep one of the two");
            }
            self.first = Some(key);
            value
        })
    }
}

fn mask(table: &mut Table<'_>) -> Option<Mask> {
    let shown = |item: &Item<'_>| match u32::try_from(item.whole()?) {
        Ok(count) if count <= SHOWN_MAX => Some(count),
        _ => item.wrong("out of range"),
    };
    let meaning = "`last` is how many characters of the end stay, 0 to 64";
    let last = table.or(0, "last", meaning, shown);
    let meaning = "`first` is how many characters of the beginning stay, 0 to 64";
    let first = table.or(0, "first", meaning, shown);
    let meaning = "`numbers` is `text` where a masked number becomes a text with `*`, `nines` \
        where 9 stands for each masked digit, or `null`";
    let numbers = table.or(OnNumber::Text, "numbers", meaning, |item| {
        item.one_of(&[
            ("text", OnNumber::Text),
            ("nines", OnNumber::Nines),
            ("null", OnNumber::Null),
        ])
    });
    Some(Mask { last: last?, first: first?, numbers: numbers? })
}

fn generalisation(table: &mut Table<'_>) -> Option<Generalisation> {
    let mut one = OneOf { first: None, is_public: false };
    let meaning = "`date` is `year` or `month`: what is left of a date";
    let date = one.key(table, "date", meaning, |item| {
        let part = item.one_of(&[("year", DatePart::Year), ("month", DatePart::Month)])?;
        Some(Generalisation::Date(part))
    });
    let meaning = "`regions` lists names of regions: an address becomes the first that it holds";
    let regions = one.key(table, "regions", meaning, |item| {
        let regions = word::distinct(item, word::text)?;
        if regions.is_empty() {
            return item.wrong("no region");
        }
        Some(Generalisation::Region(regions))
    });
    let meaning = "`band` is how wide the bands of a number are, 2 to 1000000000";
    let band = one.key(table, "band", meaning, |item| {
        let width = word::count(item, BAND_MAX)?;
        if width < 2 { item.wrong("out of range") } else { Some(Generalisation::Band { width }) }
    });
    let found = [date?, regions?, band?].into_iter().flatten().next();
    found.or_else(|| table.wrong("nothing says how", GENERALISE))
}

fn holder(item: &Item<'_>, recipients: Option<&BTreeMap<Name, Recipient>>) -> Option<Option<Name>> {
    if item.text()? == PARTNER {
        return Some(None);
    }
    let name = word::own_name(item)?;
    if recipients.is_some_and(|known| !known.contains_key(&name)) {
        return item.wrong_since(
            text!("the partner has no recipient `{}`", name),
            text!("write `partner` for its own key, or add `[recipient.{}]`", name),
        );
    }
    Some(Some(name))
}

/// Reads what happens to identifiers that a field may not hold.
pub(super) fn found(item: &Item<'_>) -> Option<OnFound> {
    let found = item.one_of(&[
        ("mask", OnFound::Mask),
        ("drop", OnFound::Drop),
        ("refuse", OnFound::Refuse),
        ("keep", OnFound::Keep),
    ])?;
    if found == OnFound::Keep {
        item.warn(
            "identifiers that a field may not hold leave with it",
            "write `mask`, or list their categories in the field's `holds`",
        );
    }
    Some(found)
}

/// The holders of keys of their own within a partner, with the places of their names.
#[derive(Default)]
pub(super) struct Recipients {
    /// The holders.
    pub(super) all: BTreeMap<Name, Recipient>,
    spans: BTreeMap<Name, Range<usize>>,
}

impl Recipients {
    /// Reads the recipients of a partner.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let meaning = "a holder of a key of its own within the partner is written as \
            `[recipient.NAME]` with its `title`; the key list stands in the configuration";
        table.or(Self::default(), "recipient", meaning, |item| {
            let mut spans = BTreeMap::new();
            let all = item.entries(|key, item| {
                let recipient = item.table(recipient);
                let name = word::name_key(key)?;
                if name.as_str() == PARTNER || name.as_str().contains('.') {
                    return key.wrong(
                        "not a recipient's name",
                        "choose a word without a dot; `partner` is the partner's own key",
                    );
                }
                spans.insert(name.clone(), key.span.clone());
                Some((name, recipient?))
            })?;
            Some(Self { all: all.into_iter().collect(), spans })
        })
    }

    /// Warns of those to whom no field is encrypted and no envelope sealed.
    pub(super) fn warn_of_idle(
        all: Option<&Self>,
        table: &Table<'_>,
        (routes, envelope): (Option<&[Arc<Route>]>, Option<&EnvelopeRules>),
    ) {
        let (Some(all), Some(routes), Some(envelope)) = (all, routes, envelope) else { return };
        let fields = || routes.iter().flat_map(|route| &route.fields);
        let is_used = |name: &Name| {
            let to = Some(name.clone());
            envelope.also.contains(name)
                || fields().any(|field| field.treatment == Treatment::Encrypt { to: to.clone() })
        };
        for (name, span) in all.spans.iter().filter(|(name, _)| !is_used(name)) {
            let message = text!("nothing is encrypted to `{}`", name);
            let help = "remove it, or name it in `encrypt`, or in `also` of `[envelope]`";
            table.file().warning(span.clone(), message, help);
        }
    }
}

fn recipient(table: &mut Table<'_>) -> Option<Recipient> {
    let meaning = "`title` says who holds the key: `Payroll, head office`";
    let title = table.required("title", meaning, word::text);
    Some(Recipient { title: title?, line: table.line() })
}

/// What `found` means.
pub(super) const FOUND: &str = "`found` says what happens to an identifier, such as an IIN or a \
    card number, in a value whose field may not hold it: `mask` it, `drop` the field, `refuse` \
    the transfer, or `keep` it";

const GENERALISE: &str = "`generalise` is `{ date = \"year\" }`, `{ regions = [\"Алматы\"] }` or \
    `{ band = 10 }`";

const PARTNER: &str = "partner";
const CHARS_MAX: u32 = 10_000;
const SHOWN_MAX: u32 = 64;
const BAND_MAX: u32 = 1_000_000_000;
