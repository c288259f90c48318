use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::consent::{Grant, Grants, Standing};
use crate::decision::tests::{ENROL, decided, now, under};
use crate::detection::tests::{Line, lines};
use crate::policy::{Policy, Treatment};
use crate::reason::Reason;
use crate::redaction::treat::{Treating, Unsealed};
use crate::redaction::{Redacted, Tally, redact};
use crate::time::Timestamp;
use crate::transfer::tests::{changed, route};

const POSITION: &str = "$.learners[*].employment.position";

fn masked(line: &Line) -> String {
    let mut text = line.text.clone();
    for (_, found) in &line.hits {
        text = text.replacen(found, &"*".repeat(found.chars().count()), 1);
    }
    text
}

fn look(bytes: &[u8], lexis: Lexis) -> Option<String> {
    let screen = Screen::new(vec![Watch { kinds: Kinds::ALL, found: OnFound::Mask }]);
    let raw = Raw { bytes, lexis };
    let look = if screen.passes(0, raw) { Look::Clean } else { screen.look(0, raw, |_| {}) };
    match look {
        Look::Clean => None,
        Look::Masked(text) => Some(text),
        look => panic!("{look:?}"),
    }
}

/// The text with every character by its number.
fn escaped(text: &str, escape: impl Fn(&str) -> String) -> String {
    text.chars().map(|c| escape(c.encode_utf8(&mut [0; 4]))).collect()
}

fn joined(escapes: impl Iterator<Item = String>) -> String {
    escapes.collect::<Vec<_>>().concat()
}

#[test]
fn escapes_of_no_syntax_hide_anything() {
    let json = |c: &str| joined(c.encode_utf16().map(|unit| format!("\\u{unit:04X}")));
    let xml = |c: &str| joined(c.chars().map(|c| format!("&#{};", u32::from(c))));
    let percent = |c: &str| joined(c.bytes().map(|byte| format!("%{byte:02x}")));
    for line in lines() {
        let expected = (!line.hits.is_empty()).then(|| masked(&line));
        let text = &line.text;
        let plain = serde_json::to_string(text).unwrap();
        for raw in [plain, format!("\"{}\"", escaped(text, json))] {
            assert_eq!(look(raw.as_bytes(), Lexis::Json), expected, "{raw}");
        }
        // Alone in a cell, a number may be an IIN without its zeros.
        if detection::scan_number(text).is_some() && line.hits.is_empty() {
            continue;
        }
        for (raw, lexis) in [
            (text.clone(), Lexis::Plain),
            (format!("\"{}\"", text.replace('"', "\"\"")), Lexis::Csv),
            (escaped(text, xml), Lexis::XmlText),
            (escaped(text, xml), Lexis::XmlAttribute),
            (format!("<![CDATA[{text}]]>"), Lexis::XmlText),
            (escaped(text, percent), Lexis::Percent),
        ] {
            assert_eq!(look(raw.as_bytes(), lexis), expected, "{raw}");
        }
    }
}

#[test]
fn a_comment_does_not_hide_what_it_divides() {
    for line in lines().iter().filter(|line| !line.text.contains(['&', '<', '\r'])) {
        let expected = (!line.hits.is_empty()).then(|| masked(line));
        for between in ["<!---->", "<?x?>", "<![CDATA[]]>"] {
            let raw = joined(line.text.chars().map(|c| format!("{c}{between}")));
            assert_eq!(look(raw.as_bytes(), Lexis::XmlText), expected, "{raw}");
        }
    }
}

#[test]
fn a_spreadsheet_loses_the_zeros_of_an_iin_but_does_not_hide_it() {
    assert_eq!(look(b"50412500011", Lexis::Csv).unwrap(), "***********");
    assert_eq!(look(b"5.80101100015E+11", Lexis::Csv).unwrap(), "*****************");
    assert_eq!(look(b"50412500012", Lexis::Csv), None);
    assert_eq!(look(b"\"50412500011\"", Lexis::Json), None, "a text of JSON loses none");
}

#[test]
fn nobody_looks_into_what_is_opaque() {
    assert_eq!(look(b"%PDF-1.7 580101100015 a@b.kz", Lexis::Opaque), None);
}

/// The shipped rules, with a change of the position's rule.
fn rules(found: OnFound, treatment: Treatment) -> Arc<Policy> {
    changed(|policy| {
        let route = route(policy, "training-gb.enrol");
        let field = route.fields.iter_mut().find(|field| field.text == POSITION).unwrap();
        (field.found, field.treatment) = (Some(found), treatment);
    })
}

fn redacted(rules: &Arc<Policy>, learner: &str) -> Result<Redacted, Reason> {
    let body = format!(r#"{{"learners":[{{"iin":"1",{learner}}}]}}"#);
    let transfer = under(rules, ENROL, &body);
    let grant = Grant {
        record: Uuid::nil(),
        categories: rules.register.categories.keys().copied().collect(),
        given: Timestamp::EPOCH,
        through_state: false,
        notify: false,
    };
    let yes = Some(Standing::Granted(Grants::one(grant)));
    let permitted = decided(transfer, &[yes], now()).unwrap();
    let mut treating = Treating { pseudonyms: None, seals: &mut Unsealed };
    redact(permitted, &mut treating).map_err(|denial| denial.reason)
}

/// What leaves as a position that is this JSON value, and what is told of it.
fn position(rules: &Arc<Policy>, value: &str) -> Result<(Option<String>, Tally), Reason> {
    let learner = format!(r#""family_name":"a","employment":{{"position":{value}}}"#);
    let redacted = redacted(rules, &learner)?;
    let sent: serde_json::Value = serde_json::from_slice(redacted.body()).unwrap();
    let value = sent.pointer("/learners/0/employment/position").map(ToString::to_string);
    Ok((value, redacted.manifest().verdicts[0].clone()))
}

type Counts = (Vec<(Kind, u64)>, Vec<(Reason, u64)>);

fn counts(tally: &Tally) -> Counts {
    let found = tally.found.values().flatten().map(|(kind, n)| (*kind, *n));
    (found.collect(), tally.lost.values().flatten().map(|(reason, n)| (*reason, *n)).collect())
}

#[test]
fn each_rule_does_with_an_identifier_what_it_says() {
    let text = r#""мұғалім, \u002b7 701 000 00 00; +7 702 000 00 00, a@b.kz""#;
    let all = vec![(Kind::Phone, 2), (Kind::Email, 1)];
    let lost = vec![(Reason::IdentifierFound, 1)];
    let masked = r#""мұғалім, ****************; ****************, ******""#;
    let kept = text.replace(r"\u002b", "+");
    let on = |found| position(&rules(found, Treatment::Keep), text).unwrap();

    let (value, tally) = on(OnFound::Mask);
    assert_eq!((value.as_deref(), counts(&tally)), (Some(masked), (all.clone(), vec![])));
    let (value, tally) = on(OnFound::Keep);
    assert_eq!((value, counts(&tally)), (Some(kept), (all.clone(), vec![])));
    let (value, tally) = on(OnFound::Drop);
    assert_eq!((value, counts(&tally)), (None, (all, lost)));
    let refused = position(&rules(OnFound::Refuse, Treatment::Keep), text);
    assert_eq!(refused.unwrap_err(), Reason::IdentifierFound);
}

#[test]
fn a_number_is_dropped_where_a_text_is_masked() {
    let rules = rules(OnFound::Mask, Treatment::Keep);
    for (number, kind) in [
        ("580101100015", Kind::Iin),
        ("5.80101100015e11", Kind::Iin),
        ("87770000000", Kind::Phone),
        ("57014e7", Kind::Bin),
    ] {
        let (value, tally) = position(&rules, number).unwrap();
        if kind == Kind::Bin {
            assert_eq!((value.as_deref(), tally), (Some("570140000000.0"), Tally::default()));
        } else {
            let lost = vec![(Reason::IdentifierFound, 1)];
            assert_eq!((value, counts(&tally)), (None, (vec![(kind, 1)], lost)), "{number}");
        }
    }
    assert_eq!(position(&rules, "92.5").unwrap(), (Some("92.5".to_owned()), Tally::default()));
}

#[test]
fn what_belongs_to_the_field_or_to_no_person_stays() {
    let rules = rules(OnFound::Refuse, Treatment::Keep);
    let learner =
        r#""family_name":"a","email":"a@b.kz","employment":{"organisation":"БСН 500140000017"}"#;
    let redacted = redacted(&rules, learner).unwrap();
    let sent = str::from_utf8(redacted.body()).unwrap();
    assert!(sent.contains("a@b.kz") && sent.contains("500140000017"), "{sent}");
    assert_eq!(redacted.manifest().verdicts, [Tally::default()]);
}

#[test]
fn what_a_cut_leaves_is_looked_at_too() {
    let cut = Treatment::Truncate { chars: 20 };
    let (value, tally) =
        position(&rules(OnFound::Mask, cut.clone()), r#""ИИН 580101100015, мұғалім""#).unwrap();
    assert_eq!(value.as_deref(), Some(r#""ИИН ************, мұ""#));
    assert_eq!(counts(&tally), (vec![(Kind::Iin, 1)], vec![]));
    let (value, _) = position(&rules(OnFound::Mask, cut), r#""580101100015""#).unwrap();
    assert_eq!(value.as_deref(), Some(r#""************""#), "shorter than the cut");
}

#[test]
fn a_transfer_is_refused_where_the_partner_needs_what_is_dropped() {
    let rules = changed(|policy| route(policy, "training-gb.enrol").found = OnFound::Drop);
    let refused = redacted(&rules, r#""family_name":"тел. 87010000000""#);
    assert_eq!(refused.unwrap_err(), Reason::IdentifierFound);
}
