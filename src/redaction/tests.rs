//! Random rules, random documents, random consents: nothing leaves that somebody does not allow,
//! and one consent more never takes anything away.
//!
//! Every value of a document is a text of its own, so that what left is known by its values, and
//! its place by its name; what may leave is said a second time here, from the rules and consents
//! as they stand, and looked up in the bytes that were written.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::ValueTree;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::redact;
use super::treat::{Treating, Unsealed};
use crate::consent::record::State;
use crate::consent::{Standing, Terms};
use crate::decision::tests::{ENROL, decided, now, under};
use crate::decision::{Decision, Denial, Permitted, question};
use crate::document::{FieldId, FieldPath, FieldSet, Shape};
use crate::policy::{Candidate, Field, FieldSource, OnRefused, Policy, Route, Treatment, Unmapped};
use crate::time::Timestamp;
use crate::transfer::tests::{changed, partner, purpose, route, taken};
use crate::vocabulary::{CategoryId, CategorySet, Country, Name, PurposeId};

/// What rules may map; no two of them contradict each other.
const PATHS: [&str; 12] = [
    "$.people[*].a",
    "$.people[*].b.c",
    "$.people[*].b.d[*].e",
    "$.people[*].b.d[*].f.g",
    "$.people[*].h[0]",
    "$.people[*].h[2]",
    "$.people[*].k[*]",
    "$.people[*].l[*][*]",
    "$.o.p",
    "$.q[*].r",
    "$.q[*].s[1]",
    "$.t",
];
/// What members are called: those of the paths, and names that only look like them.
const NAMES: [&str; 18] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "k", "l", "A", "а", "a ", "people", "o", "id", "", "t",
];
const CATEGORIES: [&str; 6] = ["D01", "D02", "D03", "D07", "D08", "D20"];
const PEOPLE: usize = 4;

/// What is random of a route, and of what stands around it.
#[derive(Clone, Debug)]
struct Rules {
    fields: Vec<(usize, Option<usize>, FieldSource, Option<Timestamp>)>,
    required: Vec<Index>,
    only: Option<Vec<Index>>,
    purpose: Vec<usize>,
    partner: Vec<usize>,
    prohibited: Vec<usize>,
    refuse: (bool, bool),
}

fn arbitrary_rules() -> impl Strategy<Value = Rules> {
    let source = prop_oneof![4 => Just(FieldSource::Own), 1 => Just(FieldSource::State)];
    let since = proptest::option::weighted(0.2, select(vec![day(3), day(5), day(7)]));
    let category = proptest::option::weighted(0.9, 0..CATEGORIES.len());
    let field = (category, source, since).boxed();
    let paths = subsequence((0..PATHS.len()).collect::<Vec<_>>(), 4..=PATHS.len());
    let fields = paths.prop_flat_map(move |paths| {
        let more = proptest::collection::vec(field.clone(), paths.len());
        (Just(paths), more).prop_map(|(paths, more)| {
            let field = |(path, (category, source, since))| (path, category, source, since);
            paths.into_iter().zip(more).map(field).collect::<Vec<_>>()
        })
    });
    let categories = || subsequence((0..CATEGORIES.len()).collect::<Vec<_>>(), 3..=6);
    let some = subsequence((0..CATEGORIES.len()).collect::<Vec<_>>(), 0..2);
    let picked = |n: std::ops::Range<usize>| proptest::collection::vec(any::<Index>(), n);
    let required = prop_oneof![9 => Just(Vec::new()), 1 => picked(1..2)];
    let only = proptest::option::weighted(0.2, picked(1..8));
    let refuse = (proptest::bool::weighted(0.1), proptest::bool::weighted(0.1));
    (fields, required, only, categories(), categories(), some, refuse).prop_map(
        |(fields, required, only, purpose, partner, prohibited, refuse)| Rules {
            fields,
            required,
            only,
            purpose,
            partner,
            prohibited,
            refuse,
        },
    )
}

impl Rules {
    fn policy(&self) -> Arc<Policy> {
        self.policy_with(|_| {})
    }

    fn policy_with(&self, change: impl FnOnce(&mut Policy)) -> Arc<Policy> {
        changed(|policy| {
            purpose(policy, "P09").categories = categories(&self.purpose);
            let set = categories(&self.partner);
            partner(policy, "training-gb").purposes.values_mut().for_each(|all| *all = set);
            let gb = Country::parse("GB").unwrap();
            policy.register.prohibited.insert(gb, categories(&self.prohibited));
            self.write(route(policy, "training-gb.enrol"));
            change(policy);
        })
    }

    fn write(&self, route: &mut Route) {
        let path = |n: usize| FieldPath::parse(PATHS[n]).unwrap();
        let paths: Vec<FieldPath> = self.fields.iter().map(|(n, ..)| path(*n)).collect();
        let [people, id] = ["$.people[*]", "$.people[*].id"].map(|p| FieldPath::parse(p).unwrap());
        route.shape = Arc::new(Shape::compile(&paths, Some(&people), &id).unwrap());
        let field = |(n, category, source, since): &(usize, Option<usize>, _, _)| {
            let in_record = PATHS[*n].starts_with("$.people");
            Field {
                path: path(*n),
                text: PATHS[*n].into(),
                category: category.map(|n| CategoryId::parse(CATEGORIES[n]).unwrap()),
                holds: CategorySet::EMPTY,
                in_record,
                treatment: Treatment::Keep,
                found: None,
                source: *source,
                since: *since,
                line: 1,
            }
        };
        route.fields = self.fields.iter().map(field).collect();
        route.required = self.ids(&self.required);
        route.only.clear();
        if let Some(only) = &self.only {
            route.only.insert(PurposeId::parse("P09").unwrap(), self.ids(only));
        }
        let (refuse, strict) = self.refuse;
        route.on_refused = if refuse { OnRefused::Refuse } else { OnRefused::Drop };
        route.unmapped = if strict { Unmapped::Refuse } else { Unmapped::Remove };
    }

    fn ids(&self, picked: &[Index]) -> FieldSet {
        let id = |index: &Index| FieldId::try_from(index.index(self.fields.len())).unwrap();
        picked.iter().map(id).collect()
    }
}

fn categories(numbers: &[usize]) -> CategorySet {
    numbers.iter().map(|n| CategoryId::parse(CATEGORIES[*n]).unwrap()).collect()
}

/// A day on which something may have happened, before the transfer.
fn day(n: i64) -> Timestamp {
    now().plus_millis((n - 20) * 24 * 3600 * 1000)
}

/// A consent that covers the transfer, unless it is withdrawn or refused.
fn arbitrary_terms(says_yes: bool) -> impl Strategy<Value = Terms> {
    let states = [State::ConsentGiven, State::ConsentWithdrawn, State::ConsentRefused];
    let state = if says_yes { select(vec![states[0]]) } else { select(states[1..].to_vec()) };
    let categories = subsequence((0..CATEGORIES.len()).collect::<Vec<_>>(), 1..=6);
    (state, categories, 0..10_i64, any::<(bool, bool)>(), any::<u128>()).prop_map(
        |(state, listed, given, (through_state, notify), record)| Terms {
            record: Uuid::from_u128(record),
            state,
            given: day(given),
            changed: day(given),
            valid_until: day(100),
            purposes: vec![PurposeId::parse("P09").unwrap()],
            categories: self::categories(&listed),
            recipients: vec![Name::parse("training-gb").unwrap()],
            countries: vec![Country::parse("GB").unwrap()],
            third_party_withdrawn: false,
            cross_border_withdrawn: false,
            notice: "2026-09".into(),
            notice_sha256: crate::transfer::tests::rules().register.notices["2026-09"]
                .sha256
                .clone(),
            given_by_subject: true,
            minor_until: None,
            publication: vec![],
            automated: false,
            through_state,
            notify,
        },
    )
}

type Consents = [Vec<Terms>; PEOPLE];

fn arbitrary_consents() -> impl Strategy<Value = Consents> {
    let one = prop_oneof![8 => arbitrary_terms(true), 1 => arbitrary_terms(false)];
    proptest::array::uniform4(proptest::collection::vec(one, 0..4))
}

/// A document with people in it; every value is a text that no other is.
fn arbitrary_document() -> impl Strategy<Value = String> {
    let leaf = Just(Json::Null);
    let tree = leaf.prop_recursive(5, 40, 4, |inner| {
        let member = (select(NAMES.to_vec()).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Json::Array),
            proptest::collection::vec(member, 0..5)
                .prop_map(|all| Json::Object(all.into_iter().collect())),
        ]
    });
    let member = (select(NAMES.to_vec()).prop_map(str::to_owned), tree);
    let object = || {
        let members = proptest::collection::vec(member.clone(), 0..4);
        members.prop_map(|all| all.into_iter().collect::<Map<_, _>>())
    };
    let all = (0..PATHS.len()).collect::<Vec<_>>();
    let paths = || proptest::collection::vec(subsequence(all.clone(), 2..=12), PEOPLE);
    (proptest::collection::vec(object(), PEOPLE), object(), paths()).prop_map(
        |(people, mut root, paths)| {
            let mut people: Vec<Json> = people.into_iter().map(Json::Object).collect();
            for (n, person) in people.iter_mut().enumerate() {
                let own = paths[n].iter().filter_map(|n| PATHS[*n].strip_prefix("$.people[*]"));
                own.for_each(|path| grow(person, path));
                let person = person.as_object_mut().unwrap();
                mark(person.values_mut(), &format!("r{n}"));
                person.insert("id".into(), n.to_string().into());
            }
            root.remove("people");
            let mut root = Json::Object(root);
            let outside = paths[0].iter().filter_map(|n| PATHS[*n].strip_prefix('$'));
            outside.filter(|path| !path.contains("people")).for_each(|path| grow(&mut root, path));
            mark(root.as_object_mut().unwrap().values_mut(), "outside");
            root["people"] = Json::Array(people);
            root.to_string()
        },
    )
}

/// Makes place for a value at a path, unless something else is in the way.
fn grow(json: &mut Json, path: &str) {
    let inside = path.get(1..).unwrap_or_default();
    let end = inside.find(['.', '[']).map_or(path.len(), |end| end + 1);
    let (step, rest) = path.split_at(end);
    if let Some(name) = step.strip_prefix('.') {
        if json.is_null() {
            *json = Json::Object(Map::new());
        }
        if let Json::Object(all) = json {
            grow(all.entry(name).or_insert(Json::Null), rest);
        }
    } else if step.starts_with('[') {
        if json.is_null() {
            *json = Json::Array(vec![Json::Null; 3]);
        }
        if let Json::Array(all) = json {
            all.iter_mut().take(3).for_each(|one| grow(one, rest));
        }
    }
}

/// Makes every empty value a text of its own that says where it was.
fn mark<'v>(values: impl Iterator<Item = &'v mut Json>, place: &str) {
    for (n, value) in values.enumerate() {
        let place = format!("{place}.{n}");
        match value {
            Json::Array(all) => mark(all.iter_mut(), &place),
            Json::Object(all) => mark(all.values_mut(), &place),
            other => *other = Json::String(place),
        }
    }
}

/// The values in a document, each with its path.
fn values(json: &Json, path: &str, found: &mut BTreeSet<(String, String)>) {
    match json {
        Json::Object(all) => {
            all.iter().for_each(|(name, value)| values(value, &format!("{path}.{name}"), found));
        }
        Json::Array(all) => {
            let all = all.iter().enumerate();
            all.for_each(|(n, value)| values(value, &format!("{path}[{n}]"), found));
        }
        Json::String(text) => drop(found.insert((path.to_owned(), text.clone()))),
        // Stands for what vanished before a numbered element.
        Json::Null => {}
        other => panic!("{other} was never sent"),
    }
}

fn decide_for(policy: &Arc<Policy>, body: &str, consents: &Consents) -> Result<Permitted, Denied> {
    let transfer = under(policy, ENROL, body);
    let question = question(transfer.claim(), now());
    let people = transfer.subjects().map(|id| id.unwrap().parse::<usize>().unwrap());
    let standings = people.map(|person| Some(Standing::of(&consents[person], &question)));
    let standings: Vec<_> = standings.collect();
    decided(transfer, &standings, now())
}

type Denied = Box<Denial>;

/// What reaches the partner, value by value; nothing where the transfer is refused.
fn sent(policy: &Arc<Policy>, body: &str, consents: &Consents) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    if let Ok(permitted) = decide_for(policy, body, consents) {
        let mut treating = Treating { pseudonyms: None, seals: &mut Unsealed };
        let redacted = redact(permitted, &mut treating).unwrap();
        values(&serde_json::from_slice(redacted.body()).unwrap(), "$", &mut found);
    }
    found
}

/// What the ledger is told.
fn lines(policy: &Arc<Policy>, body: &str, consents: &Consents) -> Decision {
    match decide_for(policy, body, consents) {
        Ok(permitted) => permitted.decision().clone(),
        Err(denial) => denial.decision,
    }
}

/// Whether a path of a document is the one that a rule writes.
fn is_mapped_by(path: &str, rule: &str) -> bool {
    match (path.split_once('['), rule.split_once('[')) {
        (None, None) => path == rule,
        (Some((head, index)), Some((start, segment))) if head == start => {
            match (index.split_once(']'), segment.split_once(']')) {
                (Some((_, rest)), Some(("*", more))) => is_mapped_by(rest, more),
                (Some((n, rest)), Some((number, more))) => n == number && is_mapped_by(rest, more),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether anybody may let a value out, by the rules and consents as they stand.
fn may_leave(rules: &Rules, consents: &Consents, path: &str, value: &str) -> bool {
    let field = rules.fields.iter().enumerate().find(|(_, f)| is_mapped_by(path, PATHS[f.0]));
    let Some((id, (_, category, source, since))) = field else { return false };
    let only = rules.only.as_ref().map(|only| rules.ids(only));
    if only.is_some_and(|only| !only.contains(FieldId::try_from(id).unwrap())) {
        return false;
    }
    let Some(category) = category else { return true };
    let allowed = rules.purpose.contains(category)
        && rules.partner.contains(category)
        && !rules.prohibited.contains(category)
        // The register keeps bank details at home.
        && CATEGORIES[*category] != "D03";
    let Some(person) = value.strip_prefix('r') else { return false };
    let person: usize = person.split('.').next().unwrap().parse().unwrap();
    let refused = consents[person].iter().filter(|t| t.state != State::ConsentGiven);
    let refused = refused.map(|terms| terms.changed).max();
    let covers = |terms: &Terms| {
        terms.state == State::ConsentGiven
            && refused.is_none_or(|no| no < terms.given)
            && terms.categories.contains(CategoryId::parse(CATEGORIES[*category]).unwrap())
            && since.is_none_or(|since| since <= terms.given)
            && (terms.through_state || *source == FieldSource::Own)
    };
    allowed && consents[person].iter().any(covers)
}

/// Documents with consents, for one set of rules, which take long to make.
fn arbitrary_transfers() -> impl Strategy<Value = Vec<(String, Consents)>> {
    proptest::collection::vec((arbitrary_document(), arbitrary_consents()), 10)
}

fn plain(found: BTreeSet<(String, String)>) -> BTreeSet<String> {
    found.into_iter().map(|(_, value)| value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// R12: what leaves is within route map, purpose, partner and consent, at any depth, and is
    /// what stood there.
    #[test]
    fn what_leaves_is_within_what_everyone_allows(
        rules in arbitrary_rules(), transfers in arbitrary_transfers(),
    ) {
        let policy = rules.policy();
        for (body, consents) in transfers {
            let mut there = BTreeSet::new();
            values(&serde_json::from_str(&body).unwrap(), "$", &mut there);
            let there = plain(there);
            for (path, value) in sent(&policy, &body, &consents) {
                prop_assert!(there.contains(&value), "{path} was made up");
                prop_assert!(may_leave(&rules, &consents, &path, &value), "{path} {value}");
            }
        }
    }

    #[test]
    fn one_consent_more_takes_nothing_away_and_one_less_adds_nothing(
        rules in arbitrary_rules(), transfers in arbitrary_transfers(),
        more in arbitrary_terms(true), person in 0..PEOPLE, place: Index, study in any::<bool>(),
    ) {
        let rules = rules.policy_with(|policy| {
            if study {
                purpose(policy, "P09").depersonalise = true;
                policy.register.categories.values_mut().for_each(|entry| entry.identifies = false);
            }
        });
        for (body, consents) in transfers {
            // In a study the values of one person point to it.
            let (from, to) = (format!("\"r{person}."), format!("\"r{person} a@b.kz "));
            let body = if study { body.replace(&from, &to) } else { body };
            let mut with = consents.clone();
            let at = place.index(with[person].len() + 1);
            with[person].insert(at, more.clone());
            let (less, more) = (sent(&rules, &body, &consents), sent(&rules, &body, &with));
            prop_assert!(plain(less).is_subset(&plain(more)));
        }
    }

    #[test]
    fn a_no_adds_nothing(
        rules in arbitrary_rules(), transfers in arbitrary_transfers(),
        no in arbitrary_terms(false), person in 0..PEOPLE,
    ) {
        let rules = rules.policy();
        for (body, consents) in transfers {
            let mut with = consents.clone();
            with[person].push(no.clone());
            let (before, after) = (sent(&rules, &body, &consents), sent(&rules, &body, &with));
            prop_assert!(plain(after).is_subset(&plain(before)));
        }
    }

    #[test]
    fn the_order_in_which_consents_are_stored_does_not_matter(
        rules in arbitrary_rules(), transfers in arbitrary_transfers(),
    ) {
        let rules = rules.policy();
        for (body, consents) in transfers {
            let mut turned = consents.clone();
            for all in &mut turned {
                all.reverse();
            }
            prop_assert_eq!(lines(&rules, &body, &consents), lines(&rules, &body, &turned));
        }
    }

    #[test]
    fn a_candidate_never_changes_what_leaves(
        rules in arbitrary_rules(), candidate in arbitrary_rules(),
        transfers in arbitrary_transfers(),
    ) {
        let plain = rules.policy();
        let copy = taken("training-gb", |route| candidate.write(route));
        let until = now().plus_millis(1);
        let with = rules.policy_with(|policy| {
            route(policy, "training-gb.enrol").candidate = Some(Candidate { until, route: copy });
        });
        for (body, consents) in transfers {
            prop_assert_eq!(sent(&plain, &body, &consents), sent(&with, &body, &consents));
        }
    }
}

#[test]
fn the_model_reads_paths_as_rules_do() {
    assert!(is_mapped_by("$.people[3].b.d[0].e", "$.people[*].b.d[*].e"));
    assert!(is_mapped_by("$.people[3].h[2]", "$.people[*].h[2]"));
    for (path, rule) in [
        ("$.people[3].h[1]", "$.people[*].h[2]"),
        ("$.people[3].b", "$.people[*].b.c"),
        ("$.people[3].b.c.d", "$.people[*].b.c"),
        ("$.people.a", "$.people[*].a"),
    ] {
        assert!(!is_mapped_by(path, rule), "{path}");
    }
}

/// The properties above say nothing of transfers of which nothing leaves.
#[test]
fn something_leaves_of_many_of_the_random_transfers() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let draw = |_| {
        let (rules, transfers) =
            (arbitrary_rules(), arbitrary_transfers()).new_tree(&mut runner).unwrap().current();
        let policy = rules.policy();
        let left = transfers.iter().filter(|(body, all)| !sent(&policy, body, all).is_empty());
        let of_people = transfers.iter().flat_map(|(body, all)| sent(&policy, body, all));
        let of_people = of_people.filter(|(_, value)| value.starts_with('r')).count();
        (left.count(), of_people)
    };
    let drawn: Vec<_> = (0..40).map(draw).collect();
    let left: usize = drawn.iter().map(|(left, _)| left).sum();
    let values: usize = drawn.iter().map(|(_, values)| values).sum();
    assert!(left > 100 && values > 400, "{left} of 400 transfers, {values} personal values");
}
