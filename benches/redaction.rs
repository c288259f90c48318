//! How fast a document is parsed and what is kept of it written: 2 KiB, and 1 MiB of 500 records.
//!
//! `cargo bench --bench redaction`

#![allow(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use otkel::document::{Document, FieldPath, FieldSet, Limits, Shape};
use otkel::policy::OnFound;
use otkel::redaction::{Screen, Selection, Watch, select, select_screened};
use otkel::vocabulary::{Kind, Kinds};

/// The mapped fields of a learner; the last three are not kept.
const FIELDS: [&str; 16] = [
    "iin",
    "name.family",
    "name.given",
    "name.patronymic",
    "birth_date",
    "citizenship",
    "contacts.email",
    "contacts.phone",
    "programme.code",
    "programme.title",
    "programme.period.since",
    "programme.period.until",
    "marks[*].value",
    "address.city",
    "address.street",
    "comment",
];
const KEPT: u8 = 13;
/// 2 KiB, 64 KiB, 1 MiB and 16 MiB.
const RECORDS: [usize; 4] = [1, 32, 500, 8000];

fn main() {
    divan::main();
}

#[divan::bench(args = RECORDS)]
fn parse(bencher: Bencher<'_, '_>, records: usize) {
    let (body, shape, limits) = (body(records), shape(), limits());
    let parse = || Document::parse(body.clone(), Arc::clone(&shape), &limits).unwrap();
    bencher.counter(BytesCount::new(body.len())).bench_local(parse);
}

#[divan::bench(args = RECORDS)]
fn write_kept(bencher: Bencher<'_, '_>, records: usize) {
    let body = body(records);
    let document = Document::parse(body.clone(), shape(), &limits()).unwrap();
    let count = BytesCount::new(body.len());
    bencher.counter(count).bench_local(|| kept(black_box(&document)));
}

#[divan::bench(args = RECORDS)]
fn parse_and_write_kept(bencher: Bencher<'_, '_>, records: usize) {
    let (body, shape, limits) = (body(records), shape(), limits());
    let redact = || kept(&Document::parse(body.clone(), Arc::clone(&shape), &limits).unwrap());
    bencher.counter(BytesCount::new(body.len())).bench_local(redact);
}

/// The same with a look at each kept value: every identifier is allowed where it stands, as it is
/// in most documents.
#[divan::bench(args = RECORDS)]
fn parse_screen_and_write(bencher: Bencher<'_, '_>, records: usize) {
    screened(bencher, records, &screen(|_| Kinds::ALL.minus(own())));
}

/// The same where each identifier is masked.
#[divan::bench(args = RECORDS)]
fn parse_mask_and_write(bencher: Bencher<'_, '_>, records: usize) {
    screened(bencher, records, &screen(|_| Kinds::ALL));
}

/// For scale: the same bytes into a tree, with nothing removed.
#[divan::bench(args = RECORDS)]
fn serde_json_value(bencher: Bencher<'_, '_>, records: usize) {
    let body = body(records);
    let parse = || serde_json::from_slice::<serde_json::Value>(&body).unwrap();
    bencher.counter(BytesCount::new(body.len())).bench_local(parse);
}

/// The kinds of identifiers that the records hold.
fn own() -> Kinds {
    [Kind::Iin, Kind::Phone, Kind::Email].into_iter().collect()
}

fn screen(kinds: impl Fn(usize) -> Kinds) -> Screen {
    let watch = |field| Watch { kinds: kinds(field), found: OnFound::Mask };
    Screen::new((0..FIELDS.len()).map(watch).collect())
}

fn screened(bencher: Bencher<'_, '_>, records: usize, screen: &Screen) {
    let (body, shape, limits) = (body(records), shape(), limits());
    let redact = || {
        let document = Document::parse(body.clone(), Arc::clone(&shape), &limits).unwrap();
        let kept: FieldSet = (0..KEPT).collect();
        let records = vec![Some(0); document.records().len()];
        let selection = Selection { outside: &kept, records: &records, verdicts: &[kept] };
        select_screened(&document, &selection, screen)
    };
    bencher.counter(BytesCount::new(body.len())).bench_local(redact);
}

fn limits() -> Limits {
    Limits {
        bytes_max: 64 << 20,
        elements_max: 1 << 20,
        records_max: 1 << 20,
        values_max: 1 << 24,
        ..Limits::default()
    }
}

fn kept(document: &Document) -> Vec<u8> {
    let kept: FieldSet = (0..KEPT).collect();
    let records = vec![Some(0); document.records().len()];
    select(document, &Selection { outside: &kept, records: &records, verdicts: &[kept] })
}

fn shape() -> Arc<Shape> {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    let subjects = path("$.learners[*]");
    let fields: Vec<FieldPath> =
        FIELDS.iter().map(|field| path(&format!("$.{field}")).below(&subjects)).collect();
    Arc::new(Shape::compile(&fields, Some(&subjects), &path("$.learners[*].iin")).unwrap())
}

fn body(records: usize) -> Bytes {
    let mut body = r#"{"batch":"2026-11","learners":["#.to_owned();
    for record in 0..records {
        body.push_str(if record == 0 { "" } else { "," });
        learner(&mut body, record);
    }
    body.push_str("]}");
    Bytes::from(body)
}

/// A learner of about 2 KB: names and comments in Cyrillic, the rest as information systems do.
fn learner(body: &mut String, n: usize) {
    let iin = 940_301_400_000_u64 + n as u64;
    let day = n % 28 + 1;
    let text = format!(
        r#"{{"id":{n},"iin":"{iin:012}","external_id":"7f9c2ba4-e88f-827d-6160-{n:012x}",
"name":{{"family":"Нұрғалиева","given":"Айгерім","patronymic":"Серікқызы",
"latin":"NURGALIYEVA AIGERIM"}},"birth_date":"1994-03-{day:02}","sex":"F","citizenship":"KZ",
"photo":null,"contacts":{{"email":"aigerim.nurgaliyeva.{n}@example.kz","phone":"+7 701 555 {n:04}",
"telegram":"@aigerim_{n}"}},"address":{{"country":"KZ","region":"Алматы облысы","city":"Алматы",
"street":"Абай даңғылы, 52","postcode":"050000","geo":[43.238949,76.889709]}},
"employer":{{"name":"«Қазақ білім» ЖШС","bin":"123456789012","position":"Бас маман",
"since":"2019-09-01"}},"programme":{{"code":"PM-{n:03}","title":"Жобаларды басқару негіздері",
"hours":72,"period":{{"since":"2026-02-02","until":"2026-05-29"}},
"tutor":{{"id":77,"name":"J. Smith"}}}},"marks":[
{{"module":1,"value":92.5,"at":"2026-02-20T09:00:00Z"}},
{{"module":2,"value":88.0,"at":"2026-03-20T09:00:00Z"}},
{{"module":3,"value":79.25,"at":"2026-04-20T09:00:00Z"}},
{{"module":4,"value":95.0,"at":"2026-05-20T09:00:00Z"}}],
"flags":{{"active":true,"paid":true,"vip":false,"consent_form":"scan-2026-{n}.pdf"}},
"audit":{{"created_at":"2026-01-15T08:31:12.345Z","created_by":"registrar-03",
"updated_at":"2026-05-29T17:02:44.001Z","updated_by":"system","revision":14}},
"comment":"Тыңдаушы \"Үздік\" дипломымен бітірді; қосымша ақпарат бойынша деканатқа
 хабарласыңыз. Learner asked to send the certificate by post and a copy by e-mail; documents
 were checked against the originals on arrival. Қабылдау комиссиясының шешімі: №{n} хаттама,
 2026 жылғы 20 қаңтар; шарт бойынша оқу ақысы толық төленген.",
"statistics":{{"visits":{n},"seconds_online":86400,"last_page":"/learn/pm/4/quiz?attempt=2",
"browser":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"}}}}"#
    );
    body.extend(text.lines());
}
