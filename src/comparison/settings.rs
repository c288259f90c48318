//! What the rules say besides what leaves: terms, days, limits, duties.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::document::{FieldSet, Formula, Part, Syntax};
use crate::policy::{
    Abroad, Basis, Category, EnvelopeRules, FieldSource, OnFound, OnRefused, Padding, Partner,
    PartnerKind, Policy, Purpose, Register, Route, Unmapped,
};
use crate::time::Timestamp;
use crate::vocabulary::{CategorySet, Kem};

use super::{Owner, Setting};

/// The settings that differ, in the order of their owners.
pub(super) fn differing(old: &Policy, new: &Policy) -> Vec<Setting> {
    let (old, new) = (all(old), all(new));
    let owners: BTreeSet<&Owner> = old.keys().chain(new.keys()).collect();
    let differing = owners.into_iter().flat_map(|owner| match (old.get(owner), new.get(owner)) {
        (Some(before), Some(after)) => within(owner, before, after),
        (before, after) => {
            let there = |settings: Option<_>| settings.map(|_: &BTreeMap<_, _>| String::new());
            let (name, wider) = ("", None);
            let (before, after) = (there(before), there(after));
            vec![Setting { owner: owner.clone(), name, before, after, wider }]
        }
    });
    differing.collect()
}

fn within(owner: &Owner, before: &Worths, after: &Worths) -> Vec<Setting> {
    let differs = |name: &&'static str| {
        let (before, after) = (before.get(name)?, after.get(name)?);
        let setting = || Setting {
            owner: owner.clone(),
            name,
            before: Some(before.to_string()),
            after: Some(after.to_string()),
            wider: after.is_wider(before),
        };
        (before != after).then(setting)
    };
    after.keys().filter_map(differs).collect()
}

type Settings = BTreeMap<Owner, Worths>;
type Worths = BTreeMap<&'static str, Worth>;

/// What a setting is set to, and which way it is wider.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Worth {
    /// Neither way.
    Word(String),
    /// Yes or no, and which of them lets more out.
    Flag(bool, Wider),
    /// One of two words, and whether it is the one that lets more out.
    Choice(&'static str, bool),
    /// A day, or none.
    Day(Option<Timestamp>, Wider),
    /// A number; no limit where there is none.
    Limit(Option<u64>),
    /// A list, and whether more or fewer of it let more out.
    List(BTreeSet<String>, Wider),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wider {
    /// Yes, later, more.
    More,
    /// No, earlier, fewer.
    Less,
}

impl Worth {
    fn list<T: ToString>(items: impl IntoIterator<Item = T>, wider: Wider) -> Self {
        Self::List(items.into_iter().map(|item| item.to_string()).collect(), wider)
    }

    fn word(text: &(impl fmt::Display + ?Sized)) -> Self {
        Self::Word(text.to_string())
    }

    /// Whether this lets more out than another did; `None` where it cannot be said.
    fn is_wider(&self, before: &Self) -> Option<bool> {
        let (more, wider) = match (before, self) {
            (Self::Flag(before, wider), Self::Flag(after, _)) => (after > before, wider),
            (Self::Choice(_, before), Self::Choice(_, after)) => (after > before, &Wider::More),
            // No day is the end of time where later is wider, and its beginning where earlier is.
            (Self::Day(before, wider), Self::Day(after, _)) => {
                let none = if *wider == Wider::More { i64::MAX } else { i64::MIN };
                let at = |day: &Option<Timestamp>| day.map_or(none, Timestamp::millis);
                (at(after) > at(before), wider)
            }
            (Self::Limit(before), Self::Limit(after)) => {
                let size = |limit: &Option<u64>| limit.unwrap_or(u64::MAX);
                (size(after) > size(before), &Wider::More)
            }
            (Self::List(before, wider), Self::List(after, _)) => {
                let (grew, shrank) = (after.is_superset(before), after.is_subset(before));
                if !grew && !shrank {
                    return None;
                }
                (grew, wider)
            }
            _ => return None,
        };
        Some(more == (*wider == Wider::More))
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) => f.write_str(text),
            Self::Choice(word, _) => f.write_str(word),
            Self::Flag(flag, _) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Day(day, _) => match day {
                Some(time) => f.write_str(&day_of(*time)),
                None => f.write_str("no day"),
            },
            Self::Limit(Some(limit)) => write!(f, "{limit}"),
            Self::Limit(None) => f.write_str("no limit"),
            Self::List(list, _) if list.is_empty() => f.write_str("none"),
            Self::List(list, _) => {
                f.write_str(&list.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The day in Kazakhstan; a period's end is told as the moment after it.
fn day_of(time: Timestamp) -> String {
    let local = time.plus_millis(KAZAKHSTAN_MILLIS).to_string();
    local.split('T').next().unwrap_or_default().to_owned()
}

fn all(policy: &Policy) -> Settings {
    let mut to = Settings::new();
    register(&policy.register, &mut to);
    for (id, entry) in &policy.register.categories {
        category(&Owner::Category(*id), entry, &mut to);
    }
    for (id, entry) in &policy.register.purposes {
        purpose(&Owner::Purpose(*id), entry, &mut to);
    }
    for (name, entry) in &policy.partners {
        partner(&Owner::Partner(name.clone()), entry, &mut to);
        for entry in &entry.routes {
            route(&Owner::Route(entry.name.clone()), entry, &mut to);
        }
    }
    to
}

fn register(register: &Register, to: &mut Settings) {
    let to = to.entry(Owner::Register).or_default();
    let mut set = |name, worth| to.insert(name, worth);
    let adequate = register.adequate.iter().map(|(country, entry)| {
        format!("{country} since {} ({})", day_of(entry.since), entry.reference)
    });
    set("adequate", Worth::Word(joined(adequate)));
    let treaties = register.treaties.iter().map(|(country, entry)| {
        let until = entry.until.map_or_else(String::new, |day| format!(" until {}", day_of(day)));
        format!("{country} since {}{until} ({})", day_of(entry.since), entry.reference)
    });
    set("treaty", Worth::Word(joined(treaties)));
    let prohibited = register.prohibited.iter().flat_map(|(country, categories)| {
        categories.iter().map(move |category| format!("{category} to {country}"))
    });
    set("prohibited", Worth::list(prohibited, Wider::Less));
    set("basis", Worth::list(register.bases.keys(), Wider::More));
    let legal = register
        .legal
        .iter()
        .map(|(number, entry)| format!("{} {} ({})", number.key(), entry.value, entry.source));
    set("legal", Worth::Word(joined(legal)));
    set("calendar", Worth::Word(calendar(register)));
    // A notice that is gone takes the consents with it that were given on it.
    let notices = register.notices.iter().map(|(version, notice)| {
        format!("{version} {}", notice.sha256.get(..12).unwrap_or_default())
    });
    set("notice", Worth::list(notices, Wider::More));
    let controller = &register.controller;
    set("controller", Worth::Word(joined([&controller.party_id, &controller.name])));
    set("responsible", Worth::word(&register.responsible.name));
}

fn calendar(register: &Register) -> String {
    let calendar = &register.calendar;
    let yearly = calendar.yearly.iter().map(|day| {
        let year = |word: &str, year: Option<i16>| {
            year.map_or_else(String::new, |year| format!(" {word} {year}"))
        };
        let moves = if day.moves { " moves" } else { "" };
        let (since, until) = (year("since", day.since), year("until", day.until));
        format!("{:02}-{:02}{since}{until}{moves}", day.month, day.day)
    });
    let days = calendar.rest.iter().map(|day| format!("rest {day}"));
    let worked = calendar.worked.iter().map(|day| format!("worked {day}"));
    joined(yearly.chain(days).chain(worked))
}

fn category(owner: &Owner, category: &Category, to: &mut Settings) {
    let own = to.entry(owner.clone()).or_default();
    let mut set = |name, worth| own.insert(name, worth);
    let abroad = match category.abroad {
        Abroad::Allow => "allow",
        Abroad::IfRequired => "if-required",
        Abroad::Deny => "deny",
    };
    set("abroad", Worth::word(abroad));
    set("identifies", Worth::Flag(category.identifies, Wider::Less));
}

fn purpose(owner: &Owner, purpose: &Purpose, to: &mut Settings) {
    let own = to.entry(owner.clone()).or_default();
    let mut set = |name, worth| own.insert(name, worth);
    set("status active", Worth::Flag(purpose.active, Wider::More));
    set("categories", categories(purpose.categories, Wider::More));
    set("required", categories(purpose.required, Wider::More));
    set("cross_border", Worth::Flag(purpose.cross_border, Wider::More));
    set("separate_consent", Worth::Flag(purpose.separate_consent, Wider::Less));
    set("depersonalise", Worth::Flag(purpose.depersonalise, Wider::Less));
    set("automated_decision", Worth::Flag(purpose.automated_decision, Wider::Less));
    set("notify_on_transfer", Worth::Flag(purpose.notify_on_transfer, Wider::Less));
    set("retention_days", Worth::Limit(purpose.retention_days.map(u64::from)));
    set("end_event", Worth::word(purpose.end_event.as_deref().unwrap_or("none")));
    set("ended", Worth::Day(purpose.ended, Wider::More));
    set("partners", bound(purpose.partners.as_ref()));
    set("countries", bound(purpose.countries.as_ref()));
}

fn bound<T: fmt::Display>(list: Option<impl IntoIterator<Item = T>>) -> Worth {
    list.map_or_else(|| Worth::word("any"), |list| Worth::list(list, Wider::More))
}

fn partner(owner: &Owner, partner: &Partner, to: &mut Settings) {
    let own = to.entry(owner.clone()).or_default();
    let mut set = |name, worth| own.insert(name, worth);
    let kind = match partner.kind {
        PartnerKind::ThirdParty => "third-party",
        PartnerKind::Processor => "processor",
        PartnerKind::StateBody => "state-body",
        PartnerKind::PublicSource => "public-source",
    };
    set("type", Worth::word(kind));
    set("party", Worth::Word(joined([&partner.party.party_id, &partner.party.name])));
    set("status active", Worth::Flag(partner.active, Wider::More));
    set("countries", Worth::list(&partner.countries, Wider::More));
    set("valid_from", Worth::Day(Some(partner.valid_from), Wider::Less));
    set("valid_to", Worth::Day(Some(partner.valid_to), Wider::More));
    set("review_due", Worth::Day(Some(partner.review_due), Wider::More));
    let agreement = partner.agreement.as_ref();
    let number = agreement.map_or("none", |agreement| agreement.number.as_str());
    set("agreement", Worth::word(number));
    let text = agreement.and_then(|agreement| agreement.sha256.get(..12)).unwrap_or("none");
    set("agreement text", Worth::word(text));
    let from = |since: Option<Timestamp>| Worth::Day(since, Wider::Less);
    let until = |until: Option<Timestamp>| Worth::Day(until, Wider::More);
    set("agreement since", from(agreement.map(|agreement| agreement.since)));
    set("agreement until", until(agreement.map(|agreement| agreement.until)));
    let undertaking = partner.undertaking.as_ref();
    set("undertaking since", from(undertaking.map(|undertaking| undertaking.since)));
    set("undertaking until", until(undertaking.map(|undertaking| undertaking.until)));
    let assessment = partner.assessment.as_ref();
    let reference = assessment.map_or("none", |assessment| assessment.reference.as_str());
    set("assessment", Worth::word(reference));
    set("approved_by", Worth::list(&partner.approved_by, Wider::Less));
    set("quota subjects_per_day", Worth::Limit(partner.quota.subjects_per_day));
    set("quota records_per_day", Worth::Limit(partner.quota.records_per_day));
    set("onward_transfer", Worth::Flag(partner.onward_transfer, Wider::More));
    set("retention_days", Worth::Limit(Some(partner.retention_days.into())));
    set("responsible", Worth::word(&partner.responsible.name));
    let stop = &partner.stop_notice;
    set("stop_notice", Worth::Word(format!("{} in {} days", stop.contact, stop.confirm_days)));
    let breach = &partner.breach;
    set("breach", Worth::Word(format!("{} in {} hours", breach.contact, breach.notice_hours)));
    envelope(&partner.envelope, own);
    for (purpose, listed) in &partner.purposes {
        let owner = Owner::PartnerPurpose(partner.name.clone(), *purpose);
        to.entry(owner).or_default().insert("categories", categories(*listed, Wider::More));
    }
    for (name, request) in &partner.requests {
        let owner = Owner::Request(partner.name.clone(), name.clone());
        let to = to.entry(owner).or_default();
        let mut set = |name, worth| to.insert(name, worth);
        let rests = [&request.article, &request.document, &day_of(request.date)];
        set("rests on", Worth::Word(joined(rests)));
        set("until", Worth::Day(Some(request.until), Wider::More));
        set("officer", Worth::word(&request.officer));
        set("categories", categories(request.categories, Wider::More));
    }
}

/// How envelopes are made; what protects less counts as wider.
fn envelope(rules: &EnvelopeRules, own: &mut Worths) {
    let mut set = |name, worth| own.insert(name, worth);
    set("envelope kem", Worth::Choice(rules.kem.word(), rules.kem == Kem::X25519));
    let pad = match rules.pad {
        None => "none".to_owned(),
        Some(Padding::Multiple(bytes)) => format!("to multiples of {bytes}"),
        Some(Padding::Padme) => "padme".to_owned(),
    };
    set("envelope pad", Worth::Word(pad));
    let kept = rules.kept.map_or_else(
        || "none".to_owned(),
        |kept| format!("for {} seconds or {} messages", kept.seconds, kept.messages),
    );
    set("envelope kept", Worth::Word(kept));
    set("envelope also", Worth::list(&rules.also, Wider::More));
    set("envelope reply", Worth::word(rules.reply.word()));
    set("envelope signed", Worth::Flag(rules.signed, Wider::Less));
    set("envelope receipts asked", Worth::Flag(rules.receipts, Wider::Less));
}

fn route(owner: &Owner, route: &Route, to: &mut Settings) {
    let own = to.entry(owner.clone()).or_default();
    let mut set = |name, worth| own.insert(name, worth);
    set("request", Worth::Word(format!("{} {}", route.method, route.path)));
    set("endpoint", Worth::Word(format!("{} {}", route.endpoint, route.to)));
    set("countries", Worth::list(&route.countries, Wider::More));
    set("cross-border", Worth::Flag(route.is_cross_border(), Wider::More));
    set("purposes", Worth::list(&route.purposes, Wider::More));
    let basis = match route.basis {
        Basis::Consent => "consent",
        Basis::StateRequest => "state-request",
    };
    set("basis", Worth::word(basis));
    set("scheme", Worth::word(&route.scheme));
    set("required", Worth::list(texts(route, route.required), Wider::Less));
    let on_refused = match route.on_refused {
        OnRefused::Drop => Worth::Choice("drop", true),
        OnRefused::Refuse => Worth::Choice("refuse", false),
    };
    set("on_refused", on_refused);
    let unmapped = match route.unmapped {
        Unmapped::Remove => Worth::Choice("remove", true),
        Unmapped::Refuse => Worth::Choice("refuse", false),
    };
    set("unmapped", unmapped);
    set("headers", Worth::list(&route.headers, Wider::More));
    set("open_from", Worth::Day(route.opens, Wider::Less));
    set("open_until", Worth::Day(route.closes, Wider::More));
    let only = route.only.iter().flat_map(|(purpose, fields)| {
        texts(route, *fields).map(move |field| format!("{purpose} {field}"))
    });
    set("only", Worth::Word(joined(only)));
    let since = route
        .fields
        .iter()
        .filter_map(|field| Some(format!("{} {}", field.text, day_of(field.since?))));
    set("fields since", Worth::list(since, Wider::Less));
    let state = route.fields.iter().filter(|field| field.source == FieldSource::State);
    set("fields of a state system", Worth::list(state.map(|field| &field.text), Wider::Less));
    let candidate = route.candidate.as_ref().map_or_else(
        || "none".to_owned(),
        |candidate| format!("tried until {}", day_of(candidate.until)),
    );
    set("candidate", Worth::Word(candidate));
    content(route, own);
}

/// What a route says of the form and the values of what it takes and gives.
fn content(route: &Route, own: &mut Worths) {
    let mut set = |name, worth| own.insert(name, worth);
    set("format", Worth::Word(format(route.shape.syntax())));
    set("charset", Worth::word(route.charset.as_deref().unwrap_or("UTF-8")));
    let inner = route.inner.as_ref();
    let inner = inner.map(|inner| format!("{} {}", inner.method, inner.path));
    set("inner", Worth::Word(inner.unwrap_or_else(|| "none".to_owned())));
    let keeps = |found: &OnFound| *found == OnFound::Keep;
    set("found", Worth::Choice(route.found.word(), keeps(&route.found)));
    let found = route.fields.iter().filter_map(|field| {
        Some(format!("{} {}", field.text, field.found.filter(|found| *found != route.found)?))
    });
    set("fields found", Worth::Word(joined(found)));
    let holds = route.fields.iter().flat_map(|field| {
        field.holds.iter().map(move |category| format!("{} {category}", field.text))
    });
    set("fields holds", Worth::list(holds, Wider::Less));
    let stream = route.stream.as_ref();
    let stream =
        stream.map(|parts| format!("{} records, {} bytes", parts.records_max, parts.bytes_max));
    set("stream", Worth::Word(stream.unwrap_or_else(|| "none".to_owned())));
    let answer = route.answer.as_ref().map(|answer| {
        let fields: Vec<&str> = answer.fields.iter().map(|field| field.text.as_str()).collect();
        format!("{}; {}", fields.join(", "), answer.headers.join(", "))
    });
    set("answer", Worth::Word(answer.unwrap_or_else(|| "all".to_owned())));
}

/// A syntax in words.
fn format(syntax: &Syntax) -> String {
    let media = syntax.media();
    match syntax {
        Syntax::Csv(csv) => {
            let formula = match csv.formula {
                Formula::Refuse => "refused",
                Formula::Neutralise => "neutralised",
                Formula::Keep => "kept",
            };
            format!("{media}, delimiter {:?}, formulas {formula}", char::from(csv.delimiter))
        }
        Syntax::Xml(xml) => {
            let names = xml.namespaces.iter().map(|(prefix, uri)| format!("{prefix} {uri}"));
            format!("{media}, namespaces {}", joined(names))
        }
        Syntax::Multipart(multipart) => {
            let part = |part: &Part| format!("{}: {}", part.name, format(&part.syntax));
            format!("{media} of {}", joined(multipart.parts.iter().map(part)))
        }
        Syntax::Empty => "none".to_owned(),
        _ => media.to_owned(),
    }
}

fn categories(set: CategorySet, wider: Wider) -> Worth {
    Worth::list(set.iter(), wider)
}

fn texts(route: &Route, fields: FieldSet) -> impl Iterator<Item = &str> {
    let of = move |field| route.fields.get(usize::from(field)).map(|field| field.text.as_str());
    let numbers: Vec<_> = fields.iter().collect();
    numbers.into_iter().filter_map(of)
}

fn joined<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    let texts: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

// Kazakhstan has one time zone, UTC+5 all year, since 2024-03-01 (IANA tz database, 2024a).
const KAZAKHSTAN_MILLIS: i64 = 5 * 3600 * 1000;
