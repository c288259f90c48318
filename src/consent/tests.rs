use super::record::{Channel, Event, EventType};
use super::*;
use crate::vocabulary::CategoryId;

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn given(at: &str, until: &str) -> Event {
    Event {
        event_time: time(at),
        event_type: EventType::ExpressedConsent,
        event_state: State::ConsentGiven,
        valid_until: Some(time(until)),
        channel: Channel::Written,
        evidence: None,
        scope: None,
    }
}

fn said(state: State, scope: Option<Scope>, at: &str) -> Event {
    Event { event_state: state, scope, valid_until: None, ..given(at, at) }
}

/// The register that has the notice of every record here.
#[derive(Debug)]
struct Shown;

impl Notices for Shown {
    fn has(&self, version: &str, sha256: &str) -> bool {
        version == "1" && sha256 == "ab".repeat(32)
    }
}

fn granted(standing: &Standing) -> Vec<u128> {
    let Standing::Granted(grants) = standing else { return Vec::new() };
    grants.iter().map(|grant| grant.record.as_u128()).collect()
}

fn record(number: u128, purposes: &[&str], events: Vec<Event>) -> Record {
    let value = record::tests::handed_in();
    let text = value.to_string();
    let (_, mut record) =
        import::read(&text, time("2026-11-22T09:00:00Z"), |_| String::new()).unwrap();
    record.record_id = Uuid::from_u128(number);
    record.purposes = purposes.iter().map(|p| PurposeId::parse(p).unwrap()).collect();
    record.events = events;
    record
}

fn standing(records: &[Record], change: impl FnOnce(&mut Question<'_>)) -> Standing {
    let terms: Vec<Terms> = records.iter().map(|record| Terms::of(record).unwrap()).collect();
    let partner = Name::parse("training-gb").unwrap();
    let countries = [Country::parse("GB").unwrap()];
    let mut question = Question {
        purpose: PurposeId::parse("P09").unwrap(),
        separate: false,
        partner: &partner,
        countries: &countries,
        wanted: [CategoryId::parse("D01").unwrap()].into_iter().collect(),
        automated: false,
        published: false,
        notices: &Shown,
        too_old: Timestamp::EPOCH,
        now: time("2026-11-22T09:00:00Z"),
    };
    change(&mut question);
    Standing::of(&terms, &question)
}

const FROM: &str = "2026-09-01T00:00:00Z";
const UNTIL: &str = "2027-09-01T00:00:00Z";

#[test]
fn a_given_consent_grants_until_its_last_millisecond() {
    let records = [record(1, &["P09"], vec![given(FROM, UNTIL)])];
    let granted = standing(&records, |q| q.now = time(UNTIL).plus_millis(-1));
    assert_eq!(self::granted(&granted), [1]);
    let expired = standing(&records, |q| q.now = time(UNTIL));
    assert_eq!(expired, Standing::Lapsed(Reason::ConsentExpired));
    let early = standing(&records, |q| q.now = time(FROM).plus_millis(-1));
    assert_eq!(early, Standing::Unknown(Reason::ConsentNotYetValid));
}

#[test]
fn whatever_differs_from_what_was_allowed_is_refused_by_name() {
    let records = [record(1, &["P09"], vec![given(FROM, UNTIL)])];
    let other = Name::parse("mailing-de").unwrap();
    let ru: &[Country] = Box::leak(Box::new([Country::KZ, Country::parse("RU").unwrap()]));
    let p10 = PurposeId::parse("P10a").unwrap();
    assert_eq!(standing(&[], |_| {}), Standing::Unknown(Reason::NoConsent));
    let unknown = [
        (standing(&records, |q| q.purpose = p10), Reason::PurposeNotConsented),
        (standing(&records, |q| q.countries = ru), Reason::CountryNotConsented),
    ];
    for (standing, reason) in unknown {
        assert_eq!(standing, Standing::Unknown(reason));
    }
    let terms: Vec<Terms> = records.iter().map(|record| Terms::of(record).unwrap()).collect();
    let question = Question {
        purpose: PurposeId::parse("P09").unwrap(),
        separate: false,
        partner: &other,
        countries: &[Country::KZ],
        wanted: CategorySet::EMPTY,
        automated: false,
        published: false,
        notices: &Shown,
        too_old: Timestamp::EPOCH,
        now: time(UNTIL).plus_millis(-1),
    };
    assert_eq!(Standing::of(&terms, &question), Standing::Unknown(Reason::RecipientNotConsented));
}

#[test]
fn flags_that_are_false_are_told_apart() {
    let mut no_third = record(1, &["P09"], vec![given(FROM, UNTIL)]);
    no_third.recipient_third_parties.clear();
    assert_eq!(standing(&[no_third], |_| {}), Standing::Unknown(Reason::ThirdPartyNotConsented));
    let mut no_border = record(1, &["P09"], vec![given(FROM, UNTIL)]);
    no_border.cross_border.countries.clear();
    assert_eq!(
        standing(std::slice::from_ref(&no_border), |_| {}),
        Standing::Unknown(Reason::CrossBorderNotConsented)
    );
    let granted = standing(&[no_border], |q| q.countries = &[Country::KZ]);
    assert!(matches!(granted, Standing::Granted(_)));
}

#[test]
fn a_bundle_does_not_cover_a_purpose_that_needs_its_own_consent() {
    let bundle = record(1, &["P09", "P07"], vec![given(FROM, UNTIL)]);
    let alone = record(2, &["P07"], vec![given(FROM, UNTIL)]);
    let ask = |q: &mut Question<'_>| {
        q.purpose = PurposeId::parse("P07").unwrap();
        q.separate = true;
    };
    let refused = standing(std::slice::from_ref(&bundle), ask);
    assert_eq!(refused, Standing::Unknown(Reason::PurposeNotConsented));
    assert!(matches!(standing(&[bundle, alone], ask), Standing::Granted(_)));
}

#[test]
fn a_no_covers_every_consent_given_before_it_and_none_after() {
    let old = record(1, &["P09"], vec![given(FROM, UNTIL)]);
    let withdrawn = record(
        2,
        &["P09"],
        vec![
            given("2026-09-10T00:00:00Z", UNTIL),
            said(State::ConsentWithdrawn, None, "2026-10-01T00:00:00Z"),
        ],
    );
    let new = record(3, &["P09"], vec![given("2026-10-02T00:00:00Z", UNTIL)]);
    let both = [old.clone(), withdrawn.clone()];
    assert_eq!(standing(&both, |_| {}), Standing::Lapsed(Reason::ConsentWithdrawn));
    let all = [old, withdrawn, new];
    let granted = standing(&all, |_| {});
    assert_eq!(self::granted(&granted), [3]);
    let refused = record(4, &["P09"], vec![said(State::ConsentRefused, None, FROM)]);
    assert_eq!(standing(&[refused], |_| {}), Standing::Refused(Reason::ConsentRefused));
}

#[test]
fn third_party_and_cross_border_transfer_can_be_withdrawn_on_their_own() {
    let withdraw = |scope| {
        vec![given(FROM, UNTIL), said(State::ConsentWithdrawn, Some(scope), "2026-10-01T00:00:00Z")]
    };
    let third = [record(1, &["P09"], withdraw(Scope::ThirdParty))];
    assert_eq!(
        standing(&third, |q| q.countries = &[Country::KZ]),
        Standing::Lapsed(Reason::ConsentWithdrawn)
    );
    let border = [record(1, &["P09"], withdraw(Scope::CrossBorder))];
    assert_eq!(standing(&border, |_| {}), Standing::Lapsed(Reason::ConsentWithdrawn));
    assert!(matches!(standing(&border, |q| q.countries = &[Country::KZ]), Standing::Granted(_)));
}

#[test]
fn a_consent_counts_no_longer_than_the_register_says() {
    let records = [record(1, &["P09"], vec![given(FROM, UNTIL)])];
    let young = standing(&records, |q| q.too_old = time(FROM).plus_millis(-1));
    assert_eq!(granted(&young), [1]);
    let old = standing(&records, |q| q.too_old = time(FROM));
    assert_eq!(old, Standing::Lapsed(Reason::ConsentExpired));
}

#[test]
fn the_right_person_must_have_been_asked_the_right_thing_by_the_right_text() {
    type Ask = fn(&mut Question<'_>);
    type Change = fn(&mut Record);
    let source = |record: &mut Record| {
        record.publication.allowed = true;
        record.publication.sources = vec!["website".into(), "training-gb".into()];
    };
    let minor = |record: &mut Record| record.minor_until = Some(time("2026-11-22T09:00:00.001Z"));
    let cases: [(Ask, Change, Option<Reason>); 10] = [
        (|q| q.published = true, |_| {}, Some(Reason::PublicationNotConsented)),
        (|q| q.published = true, source, None),
        (|q| q.automated = true, |_| {}, Some(Reason::AutomatedNotConsented)),
        (|q| q.automated = true, |r| r.automated_processing = true, None),
        (|_| {}, minor, Some(Reason::RepresentativeRequired)),
        (|q| q.now = q.now.plus_millis(1), minor, None),
        (|_| {}, |r| r.privacy_notice.version = "2".into(), Some(Reason::NoticeUnknown)),
        (|_| {}, |r| r.privacy_notice.sha256 = "cd".repeat(32), Some(Reason::NoticeUnknown)),
        (|q| q.published = true, |r| r.privacy_notice.sha256.clear(), Some(Reason::NoticeUnknown)),
        (
            |_| {},
            |r| {
                r.minor_until = Some(time(UNTIL));
                r.given_by = "mother, birth certificate No. 12".into();
            },
            None,
        ),
    ];
    for (number, (ask, change, expected)) in cases.into_iter().enumerate() {
        let mut record = record(1, &["P09"], vec![given(FROM, UNTIL)]);
        if number == 8 {
            source(&mut record);
        }
        change(&mut record);
        let found = match standing(&[record], ask) {
            Standing::Granted(_) => None,
            Standing::Unknown(reason) => Some(reason),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "case {number}");
    }
}

#[test]
fn all_consents_that_say_yes_count_in_an_order_of_their_own() {
    let categories =
        |ids: &[&str]| ids.iter().map(|id| CategoryId::parse(id).unwrap()).collect::<Vec<_>>();
    let with = |number, at, ids: &[&str], channel| {
        let mut record = record(number, &["P09"], vec![Event { channel, ..given(at, UNTIL) }]);
        record.pii_information = categories(ids);
        record.notify_on_transfer = number == 3;
        record
    };
    let form = Channel::Form;
    let old = with(1, "2026-09-01T00:00:00Z", &["D01"], form);
    let new = with(2, "2026-10-01T00:00:00Z", &["D01", "D03"], Channel::StateService);
    let wide = with(3, "2026-08-01T00:00:00Z", &["D01", "D07"], form);
    let wanted =
        |q: &mut Question<'_>| q.wanted = categories(&["D01", "D07"]).into_iter().collect();
    for records in [[&old, &new, &wide], [&wide, &old, &new], [&new, &wide, &old]] {
        let records: Vec<Record> = records.into_iter().cloned().collect();
        let Standing::Granted(grants) = standing(&records, wanted) else { panic!("not granted") };
        let found = grants.iter().map(|g| (g.record.as_u128(), g.through_state, g.notify));
        let found: Vec<_> = found.collect();
        assert_eq!(found, [(3, false, true), (2, true, false), (1, false, false)]);
    }
}
