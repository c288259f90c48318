//! What is told of gates is what the decision does: the first that is shut is its reason, and what
//! passes them all leaves.

use proptest::prelude::*;

use super::*;
use crate::decision::gates::{Asked, Gate, Gates};
use crate::policy::FieldSource;
use crate::transfer::tests::{changed, partner, purpose, route};
use crate::vocabulary::{Country, PurposeId};

const CATEGORIES: [&str; 5] = ["D01", "D03", "D07", "D08", "D20"];

/// Some of the categories, by bits.
fn some(bits: u8) -> CategorySet {
    let picked = (0..8).zip(CATEGORIES).filter(|(n, _)| bits >> n & 1 == 1);
    picked.map(|(_, text)| CategoryId::parse(text).unwrap()).collect()
}

/// What is random of the rules: categories of the purpose and the partner, prohibited ones, fields
/// of a state system, newer fields and those that may hold others, fields for this purpose alone,
/// whether it is a study.
type Random = (u8, u8, u8, u8, (u8, u8), Option<u8>, bool);

fn random_rules() -> impl Strategy<Value = Random> {
    let few = any::<(u8, u8)>().prop_map(|(a, b)| a & b);
    let many = || any::<(u8, u8)>().prop_map(|(a, b)| a | b);
    let only = proptest::option::weighted(0.3, many());
    let newer_and_mixed = (few.clone(), few.clone());
    (many(), many(), few.clone(), few, newer_and_mixed, only, proptest::bool::weighted(0.2))
}

fn policy(random: Random, active: bool) -> Arc<Policy> {
    let (uses, may, prohibited, state, (newer, mixed), only, study) = random;
    changed(|policy| {
        let entry = purpose(policy, "P09");
        (entry.categories, entry.depersonalise) = (some(uses), study);
        let p09 = PurposeId::parse("P09").unwrap();
        partner(policy, "training-gb").active = active;
        partner(policy, "training-gb").purposes.insert(p09, some(may));
        let gb = Country::parse("GB").unwrap();
        policy.register.prohibited.insert(gb, some(prohibited));
        let route = route(policy, "training-gb.enrol");
        let is = |bits: u8, n: usize| bits >> n & 1 == 1;
        for (n, field) in route.fields.iter_mut().enumerate() {
            field.source = if is(state, n) { FieldSource::State } else { FieldSource::Own };
            field.since = is(newer, n).then(now);
            // A public field holds nothing.
            let holds = field.category.filter(|_| is(mixed, n)).map(|_| some(mixed));
            field.holds = holds.unwrap_or_default();
        }
        if let Some(only) = only {
            let fields = (0..8).filter(|n| is(only, usize::from(*n))).collect();
            route.only.insert(p09, fields);
        }
    })
}

fn random_standing() -> impl Strategy<Value = Option<Standing>> {
    let grant = (any::<u8>(), any::<bool>(), any::<bool>());
    let granted = proptest::collection::vec(grant, 1..4).prop_map(|grants| {
        let grant = |(n, (bits, new, through_state)): (usize, &(u8, bool, bool))| Grant {
            record: Uuid::from_u128(n as u128),
            categories: some(*bits),
            given: if *new { now() } else { Timestamp::EPOCH },
            through_state: *through_state,
            notify: false,
        };
        let mut all = grants.iter().enumerate().map(grant);
        let mut grants = Grants::one(all.next()?);
        all.for_each(|grant| grants.add(grant));
        Some(Standing::Granted(grants))
    });
    prop_oneof![
        6 => granted,
        1 => Just(None),
        1 => Just(Some(Standing::Refused(Reason::SubjectBlocked))),
        1 => Just(Some(Standing::no(Reason::ConsentExpired))),
    ]
}

fn first(asked: &[Asked]) -> Option<Reason> {
    asked.iter().find_map(|(_, reason)| *reason)
}

proptest! {
    #[test]
    fn the_first_gate_that_is_shut_is_the_reason(
        random in random_rules(), standing in random_standing(), bits in any::<u8>(),
        active in proptest::bool::weighted(0.9), millis in -1i64..2,
    ) {
        let claim = claimed(&policy(random, active));
        let end = claim.partner().valid_to;
        let now = if millis < 0 { now() } else { end.plus_millis(millis - 1) };
        agree(&claim, standing.as_ref(), bits, now)?;
    }
}

#[test]
fn of_two_consents_neither_new_enough_and_of_the_right_channel_is_told_as_the_decision_does() {
    let all = u8::MAX;
    let claim = claimed(&policy((all, all, 0, all, (all, 0), None, false), true));
    let grant = |record: u128, given, through_state| Grant {
        record: Uuid::from_u128(record),
        categories: some(all),
        given,
        through_state,
        notify: false,
    };
    let mut grants = Grants::one(grant(1, now(), false));
    grants.add(grant(2, Timestamp::EPOCH, true));
    agree(&claim, Some(&Standing::Granted(grants)), all, now()).unwrap();
}

/// Holds what is told of each gate against what is decided.
fn agree(
    claim: &Claim,
    standing: Option<&Standing>,
    bits: u8,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let present: FieldSet = (0..7).filter(|n| bits >> n & 1 == 1).collect();
    let (inside, outside): (Vec<FieldId>, Vec<FieldId>) =
        present.iter().partition(|n| claim.route().fields[usize::from(*n)].in_record);
    let found = |fields: Vec<FieldId>| Presence {
        present: fields.into_iter().collect(),
        ..Presence::default()
    };
    let (records, around) = ([Record { presence: found(inside) }], found(outside));
    let found = Found { records: &records, outside: &around };
    let circumstances = Circumstances { standings: vec![standing.cloned()], blocked: None, now };
    let (decision, why) = judge(claim, found, &circumstances);
    let gates = Gates::of(claim, found).unwrap();

    let whole = first(&gates.whole(&circumstances));
    if decision.of.is_empty() {
        prop_assert_eq!(whole, why.map(|(reason, _)| reason));
        return Ok(());
    }
    prop_assert_eq!(whole, None);
    let verdict = &decision.verdicts[0];
    let shut = first(&gates.record(standing));
    if let Some(reason) = shut {
        prop_assert_eq!(verdict.refused, Some((reason, None)));
        return Ok(());
    }
    let study = |asked: &Asked| asked.0 == Gate::Study && asked.1.is_some();
    let mut identifies = false;
    let mut asks_state = false;
    for field in present.iter() {
        let mapped = &claim.route().fields[usize::from(field)];
        let asked = gates.field(field, standing.filter(|_| mapped.in_record));
        identifies |= asked.iter().any(study);
        let others: Vec<Asked> = asked.into_iter().filter(|asked| !study(asked)).collect();
        let channel = (Gate::ConsentChannel, Some(Reason::StateConsentRequired));
        let own = others.iter().find(|(_, reason)| reason.is_some());
        asks_state |= own == Some(&channel)
            || (others.contains(&channel) && !first(&others).is_some_and(is_fixed));
        let told = if mapped.in_record { verdict } else { &decision.outside };
        if verdict.refused.is_some_and(|(reason, _)| reason == Reason::StateConsentRequired) {
            continue;
        }
        let removed = told.removed.iter().find(|(n, _)| *n == field).map(|(_, r)| *r);
        prop_assert_eq!(first(&others), removed, "{}", mapped.text);
        prop_assert_eq!(first(&others).is_none(), told.keep.contains(field));
    }
    let state = Reason::StateConsentRequired;
    prop_assert_eq!(asks_state, verdict.refused.is_some_and(|(reason, _)| reason == state));
    prop_assert_eq!(identifies, why.is_some_and(|(r, _)| r == Reason::IdentifierInStudy));
    Ok(())
}

/// Whether a reason is one that no consent can lift.
fn is_fixed(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CountryProhibited
            | Reason::CategoryNotAbroad
            | Reason::CategoryNotForPurpose
            | Reason::CategoryNotForPartner
            | Reason::FieldNotForPurpose
    )
}

fn claimed(rules: &Arc<Policy>) -> Claim {
    let target = Target {
        partner_host: None,
        method: "POST",
        path: ENROL,
        purposes: &[],
        legal_request: None,
    };
    claim_under(rules, &target).unwrap()
}
