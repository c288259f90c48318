//! Requests that are more than a JSON document: parts, opaque content, and values in the path, the
//! query and the header, over real TLS.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use otkel::demo::sample::{AIGERIM, DANIYAR};
use otkel::envelope::request::Request;
use serde_json::json;
use world::*;

const KZ: &str = "attestation-kz";

const ROUTES: &str = r#"
[[route]]
name = "look-up"
request = "GET /attestation-kz/results/{iin}"
to = "/v2/look-ups"
inner = "GET /v2/learners/{iin}/results"
endpoint = "main"
purposes = ["P09"]
subject = "path.iin"
scheme = "kz-iin"
headers = ["accept-language"]
[route.fields]
"path.iin" = "D04"
"query.family_name" = "D01"
"query.page" = "public"
"header.x-position" = "D08"

[[route]]
name = "act"
request = "POST /attestation-kz/acts"
to = "/v2/acts"
endpoint = "main"
purposes = ["P09"]
subject = "$.learner.iin"
scheme = "kz-iin"
format = "multipart-form"
[[route.part]]
name = "learner"
format = "json"
[[route.part]]
name = "photo"
format = "opaque"
opaque = "png"
[route.fields]
"$.title" = "public"
"$.learner.iin" = "D04"
"$.learner.family_name" = "D01"
"$.learner.phone" = "D02"
"$.photo" = "D20"

[[route]]
name = "certificate"
request = "PUT /attestation-kz/certificates/{iin}"
to = "/v2/certificates"
inner = "PUT /v2/learners/{iin}/certificate"
endpoint = "main"
purposes = ["P09"]
subject = "path.iin"
scheme = "kz-iin"
format = "opaque"
opaque = "pdf"
[route.fields]
"path.iin" = "D04"
"$" = "D20"

[[case]]
name = "a result goes as it stands""#;

const PDF: &str = "%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\nxref\n0 1\n\
    0000000000 65535 f \ntrailer\n<</Root 1 0 R/Size 1>>\nstartxref\n42\n%%EOF\n";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\
    \x3a\x7e\x9b\x55\
    \0\0\0\x0aIDAT\x78\xda\x63\x68\0\0\0\x82\0\x81\xda\x45\x08\x3b\0\0\0\0IEND\xaeB`\x82";

async fn start() -> World {
    let case = "\n[[case]]\nname = \"a result goes as it stands\"";
    let names = ["look-up", "act", "certificate", "result"];
    let callers = names.map(|name| format!("    \"attestation-kz.{name}\",")).join("\n");
    World::plan()
        .rule("partners/attestation-kz.toml", case, ROUTES)
        .edit("    \"attestation-kz.result\",", &callers)
        .start()
        .await
}

fn look_up(path: &str) -> Ask {
    result("").method("GET").path(path).without_type()
}

fn act(parts: &[&[u8]]) -> Ask {
    let body: Vec<u8> =
        parts.iter().flat_map(|part| [b"--b1\r\n", *part, b"\r\n"].concat()).collect();
    let body = [&body[..], b"--b1--\r\n"].concat();
    let ask = result(body).path("/attestation-kz/acts");
    ask.header("content-type", "multipart/form-data; boundary=b1")
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("Content-Disposition: form-data; {head}\r\n\r\n");
    [head.as_bytes(), content].concat()
}

/// The request that a partner found inside of the envelope.
#[track_caller]
fn inner(sent: &Sent) -> Request {
    assert_eq!(sent.status, 200, "{sent:#?}");
    let [(KZ, payload)] = sent.received.as_slice() else { panic!("{sent:#?}") };
    assert_eq!((&*payload.header.m, &*payload.header.cty), ("POST", "message/bhttp"));
    assert_eq!(sent.is_settled("delivered")["payload"]["media"], "message/bhttp");
    Request::decode(&payload.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_path_query_and_header_go_sealed() {
    let world = start().await;
    let path = format!("/attestation-kz/results/{AIGERIM}?family_name=%D0%A2%D0%B5%D1%81%D1%82");
    let ask = look_up(&format!("{path}&secret=1&page=2")).header("x-position", "мұғалім");
    let sent = world.send(ask.header("x-other", "secret").header("accept-language", "kk")).await;
    let request = inner(&sent);
    assert_eq!((&*request.method, &*request.authority), ("GET", "api.attestation-kz.example"));
    let target = format!("/v2/learners/{AIGERIM}/results?family_name=%D0%A2%D0%B5%D1%81%D1%82");
    assert_eq!(request.target, format!("{target}&page=2"));
    assert_eq!(request.headers, [("x-position".to_owned(), "мұғалім".to_owned())]);
    assert!(request.body.is_empty());
    assert_eq!(sent.received[0].1.header.p, "/v2/look-ups");
    assert_eq!(sent.verdicts()[0]["unmapped"], 1);
    let entry = sent.entry().to_string();
    assert!(!entry.contains(AIGERIM) && !entry.contains("D0%A2"), "{entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_own_path_leads_to_its_route() {
    let world = start().await;
    let path = format!("/v2/learners/{AIGERIM}/results");
    let sent = world.send(look_up(&path).host("api.attestation-kz.example").http2()).await;
    assert_eq!(inner(&sent).target, path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_may_not_leave_is_not_asked_for() {
    let world = start().await;
    let path = format!("/attestation-kz/results/{DANIYAR}");
    world.send(look_up(&path)).await.is_refused("RECIPIENT_NOT_CONSENTED").has_lines(1);
    world.grant(&consent(20, DANIYAR, |c| {
        c["recipient_third_parties"] = json!([KZ]);
        c["pii_information"] = json!(["D01"]);
    }));
    world.send(look_up(&path)).await.is_refused("REQUIRED_FIELD_REMOVED").at("path.iin");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_read_is_refused() {
    let world = start().await;
    let path = format!("/attestation-kz/results/{AIGERIM}");
    let twice = look_up(&format!("{path}?page=1&page=2"));
    let sent = world.send(twice).await;
    sent.is_refused("DOCUMENT_UNPARSABLE").at("repeated name at byte 7, in `query.page`");
    let typed = look_up(&path).header("content-type", "application/json");
    world.send(typed).await.is_refused("CONTENT_UNINSPECTABLE").at("`Content-Type`");
    let marks = look_up(&path).header("x-position", "a").header("x-position", "b");
    world.send(marks).await.is_refused("DOCUMENT_UNPARSABLE");
    let full = Ask { body: b"{}".to_vec(), ..look_up(&path) };
    world.send(full).await.is_refused("DOCUMENT_UNPARSABLE");
    let query = result("{}").path("/attestation-kz/results?page=1");
    world.send(query).await.is_refused("QUERY_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_leave_by_their_rules_and_file_names_never() {
    let world = start().await;
    let learner = format!(r#"{{"iin":"{AIGERIM}","family_name":"Тест","phone":"1","x":2}}"#);
    let json = "name=\"learner\"; filename=\"Тест.json\"\r\nContent-Type: application/json";
    let photo = "name=\"photo\"; filename=\"Айгерім 580101100015.png\"\r\nContent-Type: image/png";
    let ask = act(&[
        &part("name=\"title\"", "Куәлік".as_bytes()),
        &part(json, learner.as_bytes()),
        &part("name=\"secret\"; filename=\"secret.txt\"", b"secret"),
        &part(photo, PNG),
    ]);
    let sent = world.send(ask.clone()).await;
    let [(KZ, payload)] = sent.received.as_slice() else { panic!("{sent:#?}") };
    let boundary = payload.header.cty.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nКуәлік\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"learner\"; \
         filename=\"part-2.json\"\r\nContent-Type: application/json\r\n\r\n\
         {{\"iin\":\"{AIGERIM}\",\"family_name\":\"Тест\"}}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"photo\"; \
         filename=\"part-3.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    let closing = format!("\r\n--{boundary}--\r\n");
    assert_eq!(&payload.body[..], [expected.as_bytes(), PNG, closing.as_bytes()].concat());
    assert_eq!(sent.is_settled("delivered")["payload"]["media"], payload.header.cty);
    assert_eq!(sent.verdicts()[0]["unmapped"], 2);
    let again = world.send(ask).await;
    assert_eq!(again.received[0].1.body, payload.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_what_it_says_stops_the_transfer() {
    let world = start().await;
    let learner = format!(r#"{{"iin":"{AIGERIM}","family_name":"Тест"}}"#);
    let json = part("name=\"learner\"\r\nContent-Type: application/json", learner.as_bytes());
    let photo =
        |content: &[u8]| act(&[&json, &part("name=\"photo\"\r\nContent-Type: image/png", content)]);
    world.send(photo(PNG)).await.is_settled("delivered");
    for wrong in [PDF.as_bytes(), &[PNG, b"PK"].concat(), &PNG[..PNG.len() - 1], b"x"] {
        world.send(photo(wrong)).await.is_refused("CONTENT_MISMATCH");
    }
    let typed = act(&[&json, &part("name=\"photo\"\r\nContent-Type: image/jpeg", PNG)]);
    let sent = world.send(typed).await;
    sent.is_refused("CONTENT_MISMATCH");
    let other = photo(PNG).header("content-type", "multipart/form-data; boundary=b2");
    world.send(other).await.is_refused("DOCUMENT_UNPARSABLE");
    let mixed = photo(PNG).header("content-type", "multipart/mixed; boundary=b1");
    world.send(mixed).await.is_refused("CONTENT_UNINSPECTABLE").at("`Content-Type`");
    let none = photo(PNG).header("content-type", "multipart/form-data");
    world.send(none).await.is_refused("CONTENT_UNINSPECTABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_whole_or_not_at_all() {
    let world = start().await;
    let path = format!("/attestation-kz/certificates/{AIGERIM}");
    let put = |body: &str| {
        let ask = result(body).method("PUT").path(&path);
        ask.header("content-type", "application/pdf")
    };
    let request = inner(&world.send(put(PDF)).await);
    assert_eq!(request.target, format!("/v2/learners/{AIGERIM}/certificate"));
    assert_eq!(request.header("content-type"), Some("application/pdf"));
    assert_eq!(request.body, PDF.as_bytes());
    for wrong in
        ["<html></html>", &PDF[1..], &PDF[..70], &PDF.replace("/Size", "/Encrypt 2 0 R/Size")]
    {
        world.send(put(wrong)).await.is_refused("CONTENT_MISMATCH");
    }
    let typed = put(PDF).header("content-type", "application/octet-stream");
    world.send(typed).await.is_refused("CONTENT_UNINSPECTABLE");
}
