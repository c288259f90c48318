//! What it costs to read the rules of a thousand partners, and to find one route among all theirs.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use otkel::policy::Policy;
use otkel::time::Timestamp;
use otkel::transfer::{Caller, Claim, Target};
use otkel::vocabulary::Name;
use uuid::Uuid;

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// All files of a folder with so many partners of 20 routes each; the goal is below a second for
/// 1 000.
#[divan::bench(args = [10, 100, 1_000], sample_count = 10)]
fn read(bencher: Bencher<'_, '_>, partners: usize) {
    let files = files(partners, 20);
    let bytes: usize = files.values().map(Vec::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| Policy::read(&files, now()).unwrap());
}

/// The same with a mistake in every route.
#[divan::bench(args = [10, 100, 1_000], sample_count = 10)]
fn read_with_mistakes(bencher: Bencher<'_, '_>, partners: usize) {
    let mut files = files(partners, 20);
    for bytes in files.values_mut() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("\"$.learners[*].position\" = \"D08\"", "'$.a[' = 'D99'").into();
    }
    bencher.bench(|| Policy::read(&files, now()).unwrap_err());
}

/// The claim of a caller that may use every route; the goal is the same time for one and for all.
#[divan::bench(args = [1, 20, 20_000])]
fn claim(bencher: Bencher<'_, '_>, routes: usize) {
    let files = files(routes.div_ceil(20), routes.min(20));
    let policy = Arc::new(Policy::read(&files, now()).unwrap().0);
    let all = policy.partners.values().flat_map(|partner| &partner.routes);
    let routes = Arc::new(all.map(|route| route.name.clone()).collect());
    let caller = Caller { name: Name::parse("lms").unwrap(), routes, requests_per_minute: None };
    let last = policy.partners.values().next_back().unwrap().routes.last().unwrap();
    let target = Target {
        partner_host: None,
        method: "POST",
        path: &last.path,
        purposes: &[],
        legal_request: None,
    };
    bencher.bench(|| Claim::read(&policy, &caller, &target, Uuid::nil()).unwrap());
}

fn files(partners: usize, routes: usize) -> BTreeMap<String, Vec<u8>> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let shipped = |name: &str| (name.to_owned(), std::fs::read(shipped.join(name)).unwrap());
    let mut files: BTreeMap<_, _> = ["register.toml", "notices/2026-09.txt"].map(shipped).into();
    for number in 0..partners {
        let mut text = PARTNER.replace('#', &number.to_string());
        for route in 0..routes {
            let with_route = ROUTE.replace('#', &number.to_string());
            write!(text, "{}", with_route.replace('@', &route.to_string())).unwrap();
        }
        files.insert(format!("partners/p{number:04}.toml"), text.into_bytes());
    }
    files
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T09:00:00Z").unwrap()
}

const PARTNER: &str = r#"seat = "KZ"
processing = ["KZ"]
storage = ["KZ", "GB"]
party_id = "570140000000"
name = "Example Courses LLP"
address = "1 Example Street, Almaty, Kazakhstan"
contact = "office@courses.example"
type = "third-party"
responsible = { name = "C. Third", phone = "+7 727 000 00 00", email = "dpo@courses.example" }
stop_notice = { contact = "stop@courses.example", confirm_days = 10 }
breach = { contact = "breach@courses.example", notice_hours = 24 }
status = "active"
valid_from = 2026-09-01
valid_to = 2027-12-31
review_due = 2027-11-01
approved_by = ["A. First", "B. Second"]
onward_transfer = false
retention_days = 30

[agreement]
number = "7"
since = 2026-09-01
until = 2027-12-31
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

[undertaking]
since = 2026-09-01
until = 2027-12-31
duties = ["10", "11", "12(2)", "14", "15", "22"]

[assessment]
reference = "TIA-1"
date = 2026-08-27

[purposes]
P09 = ["D01", "D07", "D08"]

[endpoint.main]
host = "in.p#.example"
country = "KZ"
"#;

const ROUTE: &str = r#"
[[route]]
name = "r@"
request = "POST /p#/r@"
to = "/v1/r@"
endpoint = "main"
purposes = ["P09"]
subjects = "$.learners[*]"
subject = "$.iin"
scheme = "kz-iin"
on_refused = "drop"
required = ["$.learners[*].family_name"]
[route.fields]
"$.course.code" = "public"
"$.course.start_date" = "public"
"$.learners[*].family_name" = "D01"
"$.learners[*].given_name" = "D01"
"$.learners[*].patronymic" = "D01"
"$.learners[*].email" = { category = "D07", since = 2026-10-01 }
"$.learners[*].position" = "D08"
"$.learners[*].organisation" = "D08"
"#;
