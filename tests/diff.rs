//! Two sets of rules compared by effect: what becomes allowed or refused, what else they say, what
//! consents from before still cover; and texts that differ without any effect.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "diff/terms.rs"]
mod terms;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use otkel::comparison::{Change, Comparison, Covering, Lack, Setting, compare};
use otkel::demo::sample::AIGERIM;
use otkel::gateway::read_rules;
use otkel::policy::Policy;
use otkel::reason::Reason;
use otkel::time::Timestamp;
use serde_json::Value;
use world::*;

const GB: &str = "partners/training-gb.toml";
const KZ: &str = "partners/attestation-kz.toml";
const DE: &str = "partners/mailing-de.toml";
const STUDY: &str = "partners/research-kz.toml";
const STATE: &str = "partners/ministry-kz.toml";
const REGISTER: &str = "register.toml";
/// What the purpose P09 cannot do without.
const NEEDS: &str = "required = [\"D01\"]\ncross_border = true";

type Edit<'a> = (&'a str, &'a str, &'a str);

// --- what becomes allowed or refused

#[test]
fn the_same_rules_differ_in_nothing_and_texts_without_effect_are_named() {
    assert_eq!(diff(&[]), Comparison::default());
    let comparison = diff(&[
        (GB, "# A training partner", "# a training partner"),
        (REGISTER, "kk = \"", "kk  = \""),
    ]);
    assert!(comparison.is_same());
    assert_eq!(comparison.texts, [GB, REGISTER]);
}

#[test]
fn a_wider_purpose_shows_what_it_would_let_out() {
    let email = "\"$.learners[*].email\" = \"D07\"";
    let map = format!("{email}\n\"$.learners[*].phone\" = \"D02\"");
    let listed =
        (GB, "P09 = [\"D01\", \"D07\", \"D08\"]", "P09 = [\"D01\", \"D02\", \"D07\", \"D08\"]");
    // The map and the partner's list alone let nothing out: the purpose does not use it.
    let comparison = diff(&[(GB, email, &map), listed]);
    assert_eq!((comparison.wider.len(), comparison.narrower.len()), (0, 0), "{comparison:#?}");
    assert!(!comparison.is_same(), "the lists differ all the same");
    let uses = (
        REGISTER,
        "[\"D01\", \"D04\", \"D07\", \"D08\", \"D20\"]",
        "[\"D01\", \"D02\", \"D04\", \"D07\", \"D08\", \"D20\"]",
    );
    let comparison = diff(&[(GB, email, &map), listed, uses]);
    assert_eq!(told(&comparison.wider), ["training-gb.enrol P09 GB D02 $.learners[*].phone"]);
    assert_eq!(comparison.wider[0].before, Some(Lack::Field));
    assert!(comparison.narrower.is_empty());
    // Nobody who consented to what was asked then consented to that.
    let [cover] = comparison.covers.as_slice() else { panic!("{comparison:#?}") };
    assert_eq!(cover.what, Covering::NotYet(Reason::CategoryNotConsented));
    let back = compare(&rules(&[(GB, email, &map), listed, uses]), &rules(&[]), at());
    assert_eq!(told(&back.narrower), told(&comparison.wider));
    assert!(back.wider.is_empty());
}

#[test]
fn a_treatment_lets_less_out_and_to_lift_it_lets_more_out() {
    let email = "\"$.learners[*].email\" = \"D07\"";
    let treated = |how: &str| format!("\"$.learners[*].email\" = {{ category = \"D07\", {how} }}");
    let [none, four, six, scope] =
        ["", "mask = { last = 4 }", "mask = { last = 6 }", "pseudonymise = \"email\""].map(|how| {
            if how.is_empty() { rules(&[]) } else { rules(&[(GB, email, &treated(how))]) }
        });
    let cell = ["training-gb.enrol P09 GB D07 $.learners[*].email"];
    for (old, new, more, by) in [
        (&none, &four, false, "mask = { first = 0, last = 4 }"),
        (&four, &none, true, "mask = { first = 0, last = 4 }"),
        (&four, &six, true, "mask = { first = 0, last = 4 }"),
        (&six, &four, false, "mask = { first = 0, last = 4 }"),
        // What is neither more nor less is to be looked at.
        (&scope, &four, true, "pseudonymise = \"email\""),
        (&four, &scope, true, "mask = { first = 0, last = 4 }"),
    ] {
        let comparison = compare(old, new, at());
        let (some, others) = if more {
            (&comparison.wider, &comparison.narrower)
        } else {
            (&comparison.narrower, &comparison.wider)
        };
        assert_eq!((told(some), others.len()), (cell.map(String::from).to_vec(), 0));
        let lack = if more { &some[0].before } else { &some[0].after };
        let Some(Lack::Treated { by: told, .. }) = lack else { panic!("{lack:?}") };
        assert_eq!(told, by);
        assert!(!comparison.is_same() && comparison.texts.is_empty());
    }
}

#[test]
fn what_the_decision_refuses_is_refused_whatever_the_lists_say() {
    let refused = |edit: Edit<'_>, reason: Reason| {
        let comparison = diff(&[edit]);
        assert!(comparison.wider.is_empty() && !comparison.narrower.is_empty(), "{edit:?}");
        for change in &comparison.narrower {
            let Some(Lack::Refused(stays)) = &change.after else { panic!("{change:?}") };
            assert_eq!(stays.reason, reason, "{change:?}");
        }
        told(&comparison.narrower)
    };
    let all =
        refused((GB, "status = \"active\"", "status = \"suspended\""), Reason::PartnerSuspended);
    assert_eq!(all.len(), 7 + 8, "every field of both routes");
    refused((GB, "valid_to = 2027-12-31", "valid_to = 2026-11-01"), Reason::PartnerSuspended);
    refused(
        (GB, "[undertaking]\nsince = 2026-09-01", "[undertaking]\nsince = 2026-12-01"),
        Reason::PartnerNotBound,
    );
    refused((STUDY, "open_from = 2026-11-01", "open_from = 2026-12-01"), Reason::RouteClosed);
    refused((STATE, "until = 2027-10-31", "until = 2026-10-31"), Reason::LegalRequestIncomplete);
    let prohibited = "[prohibited.GB]\ncategories = [\"D07\"]\nreference = \"x\"\n[adequate]";
    let emails = refused((REGISTER, "[adequate]", prohibited), Reason::CountryProhibited);
    assert_eq!(
        emails,
        [
            "training-gb.enrol P09 GB D07 $.learners[*].email",
            "training-gb.enrol-groups P09 GB D07 $.groups[*].learners[*].email",
        ]
    );
}

#[test]
fn a_required_field_that_may_not_leave_takes_the_others_with_it() {
    let comparison = diff(&[(GB, "P09 = [\"D01\", \"D07\", \"D08\"]", "P09 = [\"D07\", \"D08\"]")]);
    let email = "training-gb.enrol P09 GB D07 $.learners[*].email";
    let place = told(&comparison.narrower).iter().position(|cell| cell == email).unwrap();
    let Some(Lack::Refused(stays)) = &comparison.narrower[place].after else { panic!() };
    assert_eq!(stays.reason, Reason::RequiredFieldRemoved);
    assert_eq!(stays.because.as_deref(), Some("$.learners[*].family_name"));
}

#[test]
fn a_study_and_a_state_request_are_compared_too() {
    let map = "\"$.answers[*].position\" = \"D08\"";
    let wide = format!("{map}\n\"$.answers[*].degree\" = \"D08\"");
    let comparison = diff(&[(STUDY, map, &wide)]);
    assert_eq!(
        told(&comparison.wider),
        ["research-kz.autumn-study P10c KZ D08 $.answers[*].degree"]
    );
    let list = "officer = \"a.mysalova\"\ncategories = [\"D01\", \"D04\", \"D20\"]";
    let less = "officer = \"a.mysalova\"\ncategories = [\"D04\", \"D20\"]";
    let comparison = diff(&[(STATE, list, less)]);
    let request = comparison.narrower[0].cell.request.as_ref().unwrap();
    assert_eq!(request.as_str(), "2026-114");
    assert!(told(&comparison.narrower).iter().all(|cell| cell.contains("D01")));
}

#[test]
fn a_partner_that_moves_abroad_is_told_as_that() {
    let comparison = diff(&[
        (KZ, "storage = [\"KZ\"]", "storage = [\"KZ\", \"FR\"]"),
        // The IIN that the attestation body cannot do without goes abroad only where it is needed.
        (REGISTER, NEEDS, "required = [\"D01\", \"D04\"]\ncross_border = true"),
        (KZ, "[purposes]", "[assessment]\nreference = \"T\"\ndate = 2026-08-20\n[purposes]"),
    ]);
    // To France goes what the register lets abroad; what it keeps at home stays, at home too.
    assert!(!comparison.wider.is_empty());
    assert!(comparison.wider.iter().all(|change| change.cell.country.to_string() == "FR"));
    let cross = setting(&comparison, "route attestation-kz.result", "cross-border");
    assert_eq!((cross.before.as_deref(), cross.after.as_deref()), (Some("no"), Some("yes")));
    assert_eq!(cross.wider, Some(true));
    let countries = setting(&comparison, "partner attestation-kz", "countries");
    assert_eq!(countries.after.as_deref(), Some("FR, KZ"));
    let lost =
        comparison.covers.iter().filter(|cover| cover.route.as_str() == "attestation-kz.result");
    let whats: BTreeSet<_> = lost.map(|cover| cover.what).collect();
    assert_eq!(whats, [Covering::NoLonger(Reason::CrossBorderNotConsented)].into());
}

// --- consents from before

#[test]
fn consents_from_before_cover_what_they_covered_and_no_more() {
    let email = "\"$.learners[*].email\" = \"D07\"";
    let nick = format!("{email}\n\"$.learners[*].nick\" = \"D01\"");
    let since =
        format!("{email}\n\"$.learners[*].nick\" = {{ category = \"D01\", since = 2026-11-20 }}");
    let what = |edits: &[Edit<'_>]| -> Vec<(String, bool, Covering)> {
        let of = |c: &otkel::comparison::Cover| (c.field.clone(), c.bundle, c.what);
        diff(edits).covers.iter().map(of).collect()
    };
    let field = "$.learners[*].nick".to_owned();
    assert_eq!(what(&[(GB, email, &nick)]), [(field.clone(), false, Covering::AtOnce)]);
    let newer = Covering::NotYet(Reason::FieldNewerThanConsent);
    assert_eq!(what(&[(GB, email, &since)]), [(field, false, newer)]);
    // A bundle of purposes covered it, and does no longer.
    let separate = what(&[(
        REGISTER,
        "required = [\"D01\"]\ncross_border = true",
        "required = [\"D01\"]\ncross_border = true\nseparate_consent = true",
    )]);
    assert!(!separate.is_empty());
    for (field, bundle, what) in separate {
        let lost = Covering::NoLonger(Reason::PurposeNotConsented);
        assert_eq!((bundle, what), (true, lost), "{field}");
    }
    let notice = fs::read(policies().join("notices/2026-09.txt")).unwrap();
    let sha256 = |bytes: &[u8]| {
        use sha2::{Digest, Sha256};
        data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
    };
    let other = [notice.as_slice(), b"\n"].concat();
    let (old, folder) = (rules(&[]), copied(&[(REGISTER, &sha256(&notice), &sha256(&other))]));
    fs::write(folder.join("notices/2026-09.txt"), other).unwrap();
    let comparison = compare(&old, &taken(&folder), at());
    let whats: BTreeSet<_> = comparison.covers.iter().map(|cover| cover.what).collect();
    assert_eq!(whats, [Covering::NoLonger(Reason::NoticeUnknown)].into());
    assert!(comparison.wider.is_empty() && comparison.narrower.is_empty());
}

// --- what else

#[test]
fn what_is_new_or_gone_is_told_in_one_line() {
    let folder = copied(&[]);
    fs::remove_file(folder.join(DE)).unwrap();
    let comparison = compare(&rules(&[]), &taken(&folder), at());
    let gone: Vec<_> =
        comparison.settings.iter().map(|s| (s.owner.to_string(), s.after.clone())).collect();
    assert!(gone.contains(&("partner mailing-de".to_owned(), None)));
    assert!(gone.contains(&("route mailing-de.subscribers".to_owned(), None)));
    assert!(comparison.narrower.iter().all(|change| change.after == Some(Lack::Route)));
    assert!(comparison.wider.is_empty());
}

// --- the program

#[tokio::test(flavor = "multi_thread")]
async fn the_program_compares_folders_and_revisions_and_replays() {
    let mut world = World::plan().own_rules().start().await;
    let body =
        format!(r#"{{"learners":[{{"iin":"{AIGERIM}","family_name":"Т","email":"a@b.kz"}}]}}"#);
    world.send(enrol(body)).await;
    world.stop().await;
    let folder = world.folder();
    git(folder, &["init", "-q"]);
    git(folder, &["add", "policies"]);
    git(folder, &["commit", "-qm", "one"]);
    git(folder, &["tag", "v1"]);
    let file = folder.join("policies").join(GB);
    let text = fs::read_to_string(&file).unwrap();
    let less = text.replace("P09 = [\"D01\", \"D07\", \"D08\"]", "P09 = [\"D01\", \"D08\"]");
    fs::write(&file, less).unwrap();
    git(folder, &["commit", "-qam", "two"]);
    for (old, new) in [("HEAD~1", "HEAD"), ("v1:policies", "policies"), ("v1", "HEAD:./policies")] {
        let output = otkel(folder, &["diff", old, new, "--at", NOON]);
        assert_eq!(output.2, 1, "{old} {new}: {output:?}");
        assert!(output.0.contains("\n    now: CATEGORY_NOT_FOR_PARTNER, "), "{}", output.0);
        assert!(
            output.0.ends_with("0 become allowed, 2 become refused, 1 settings differ\n"),
            "{}",
            output.0
        );
    }
    let same = otkel(folder, &["diff", "v1", "HEAD~1"]);
    assert_eq!((same.0.as_str(), same.2), ("the rules are the same\n", 0));
    let (out, _, code) = otkel(
        folder,
        &["diff", "v1", "policies", "--at", NOON, "--json", "--config", "gateway.toml"],
    );
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &value["same"]), (1, &Value::Bool(false)));
    assert_eq!(value["narrower"].as_array().unwrap().len(), 2);
    assert_eq!(value["narrower"][0]["after"]["code"], "CATEGORY_NOT_FOR_PARTNER");
    assert_eq!(value["decisions"]["differing"]["narrower"], 1);
    let (out, _, _) =
        otkel(folder, &["diff", "v1", "policies", "--at", NOON, "--config", "gateway.toml"]);
    assert!(out.contains("1 decisions: 0 as they were, 1 otherwise"), "{out}");

    for (old, new) in
        [("nowhere", "policies"), ("v1:nowhere", "policies"), ("v9", "policies"), ("--", "-x")]
    {
        let (_, err, code) = otkel(folder, &["diff", old, new]);
        assert_eq!(code, 2, "{err}");
    }
    fs::write(&file, "broken").unwrap();
    let (_, err, code) = otkel(folder, &["diff", "v1", "policies"]);
    assert!(code == 2 && err.starts_with("policies:\notkel: the rules do not load"), "{err}");
}

#[test]
fn many_partners_are_compared() {
    let folder = copied(&[]);
    let text = fs::read_to_string(folder.join(GB)).unwrap();
    let text = &text[..text.find("[[case]]").unwrap()];
    for n in 0..300 {
        let own = text.replace("training-gb", &format!("training-gb-{n}"));
        let own = own.replace("[[route]]", "# a route\n[[route]]");
        fs::write(folder.join(format!("partners/training-gb-{n}.toml")), own).unwrap();
    }
    let old = read(&folder);
    fs::write(
        folder.join(REGISTER),
        fs::read_to_string(folder.join(REGISTER))
            .unwrap()
            .replace("abroad = \"allow\"", "abroad = \"deny\""),
    )
    .unwrap();
    let new = taken(&folder);
    let comparison = compare(&old, &new, at());
    assert!(comparison.narrower.len() > 300 * 10);
}

// --- helpers

fn at() -> Timestamp {
    Timestamp::parse(NOON).unwrap()
}

fn diff(edits: &[Edit<'_>]) -> Comparison {
    compare(&rules(&[]), &rules(edits), at())
}

/// The cells as text.
fn told(changes: &[Change]) -> Vec<String> {
    let cell = |change: &Change| {
        let cell = &change.cell;
        let mut text = format!("{} {} {}", cell.route, cell.purpose, cell.country);
        let category = cell.category.map_or("public".to_owned(), |id| id.to_string());
        write!(text, " {category} {}", cell.field).unwrap();
        text
    };
    changes.iter().map(cell).collect()
}

#[track_caller]
fn setting<'c>(comparison: &'c Comparison, owner: &str, name: &str) -> &'c Setting {
    let mut settings = comparison.settings.iter();
    let found = settings.find(|s| s.owner.to_string() == owner && s.name == name);
    found.unwrap_or_else(|| panic!("{owner}, {name}: {:#?}", comparison.settings))
}

fn rules(edits: &[Edit<'_>]) -> Arc<Policy> {
    taken(&copied(edits))
}

/// The rules of a folder, which nobody needs any more.
fn taken(folder: &Path) -> Arc<Policy> {
    let policy = read(folder);
    fs::remove_dir_all(folder).unwrap();
    policy
}

fn read(folder: &Path) -> Arc<Policy> {
    Arc::new(read_rules(folder, at()).unwrap_or_else(|why| panic!("{why}")).0)
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

/// A copy of the rules without their cases, which show what no longer holds, with edits made.
fn copied(edits: &[Edit<'_>]) -> PathBuf {
    let to = fresh();
    for below in ["", "partners", "notices"] {
        fs::create_dir_all(to.join(below)).unwrap();
        for entry in fs::read_dir(policies().join(below)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to.join(below).join(entry.file_name())).unwrap();
            }
        }
    }
    for (file, from, by) in edits {
        let text = fs::read_to_string(to.join(file)).unwrap();
        assert!(text.contains(from), "{file} does not hold {from:?}");
        fs::write(to.join(file), text.replacen(from, by, 1)).unwrap();
    }
    to
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=o", "-c", "user.email=o@example.kz"]).args(arguments);
    assert!(git.current_dir(folder).status().unwrap().success());
}

fn otkel(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}
