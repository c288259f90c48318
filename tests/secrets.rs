//! No personal value is left behind: not in the store, the log, the metrics, a refusal or a
//! decision, wherever in a request it stood and whatever became of that. And no private key is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use otkel::gateway::SystemClock;
use otkel::time::Clock as _;
use serde_json::json;
use world::*;

/// What stands in requests, one for each kind of place, and may be found nowhere.
const SECRETS: [&str; 17] = [
    IIN,
    STRANGER,
    "Zqvalue",
    "Zqother",
    "zqkey",
    "zqheadername",
    "zqheadervalue",
    "zqcookie",
    "zqpurpose",
    "zqquery",
    "zqpath",
    "zqhost",
    "zqtype",
    "zqtoken",
    "zqanswer",
    "zqreceipt",
    "zqcredential",
];
/// Somebody who consented.
const IIN: &str = "911231200439";
/// Somebody who did not.
const STRANGER: &str = "580101100633";
/// What is kept on purpose, and must be found: else the search finds nothing.
const KEPT: &str = "zqkept, sheet 7";

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_value_is_left_behind() {
    let mut world = plan().prepare().await;
    world.serve(&["--log", "trace"]);
    let mut told = Vec::new();
    consents(&world, &mut told).await;
    let mut decisions = Vec::new();
    for ask in asks() {
        let words = world.ask(ask).await;
        decisions.push(words.headers["otkel-decision"].to_str().unwrap().to_owned());
        let answer = String::from_utf8_lossy(&words.body).into_owned();
        if words.status >= 400 {
            told.push(answer);
        }
    }
    for bytes in raw() {
        let mut wire = Wire::of(&world).await;
        wire.write(&bytes).await;
        told.push(String::from_utf8(wire.read().await.body).unwrap());
    }
    for did in &decisions {
        told.push(world.admin("GET", &format!("/decisions/{did}"), "").await.1.to_string());
    }
    let metrics = world.admin("GET", "/metrics", "").await.1.to_string();
    let mut process = world.process();
    process.terminate();
    let log = process.log.text();
    assert!(process.wait().success());

    let mut places = files(world.folder());
    assert!(places.keys().any(|name| name.ends_with("otkel.db")), "{:?}", places.keys());
    places.insert("told".to_owned(), told.concat().into_bytes());
    places.insert("metrics".to_owned(), metrics.clone().into_bytes());
    let found = search(&places, &SECRETS);
    assert!(found.is_empty(), "{found:#?}");

    assert!(!search(&places, &[KEPT]).is_empty(), "the search finds what is there");
    assert!(decisions.iter().all(|did| log.contains(did)), "every transfer has its line");
    let ours = |line: &str| line.contains(" otkel::");
    assert!(log.lines().all(ours), "libraries are not heard, though `trace` was asked for");
    assert!(metrics.contains("NO_CONSENT"));
    assert!(told.concat().contains("FIELD_UNKNOWN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_private_key_is_shown() {
    let mut world = plan().prepare().await;
    let secrets = OWN.map(|file| secret_words(&fs::read(world.folder().join(file)).unwrap()));
    let words: Vec<&str> = secrets.iter().flatten().map(String::as_str).collect();
    world.serve(&["--log", "trace"]);
    for ask in asks().into_iter().take(3) {
        world.ask(ask).await;
    }
    world.signal("HUP");
    let mut told = world.admin("GET", "/metrics", "").await.1.to_string();
    let mut process = world.process();
    process.terminate();
    told += &process.log.text();
    assert!(process.wait().success());

    // Each of them open to others, then damaged: both keep the gateway from starting.
    for file in OWN {
        let path = world.folder().join(file);
        let whole = fs::read(&path).unwrap();
        for (mode, bytes) in [(0o640, whole.as_slice()), (0o600, &whole[..whole.len() / 3])] {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let ended = world.otkel(&["serve", "--log", "trace"]);
            assert_eq!(ended.status.code(), Some(2), "{file} {mode:o}");
            let text = [ended.stdout, ended.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            let name = Path::new(file).file_stem().unwrap().to_str().unwrap();
            assert!(text.contains(name), "{text}");
            told += &text;
        }
        fs::write(&path, whole).unwrap();
    }
    let mut places = files(world.folder());
    places.insert("told".to_owned(), told.into_bytes());
    let found = search(&places, &words);
    assert!(found.is_empty(), "{found:#?}");
    let kept = BTreeMap::from([("key".to_owned(), fs::read(world.folder().join(OWN[0])).unwrap())]);
    assert!(!search(&kept, &words).is_empty(), "the search finds what is there");
}

/// The files of the gateway's own secrets.
const OWN: [&str; 7] = [
    "keys/ledger.key",
    "keys/signing.key",
    "keys/store.secret",
    "keys/pseudonyms.secret",
    "keys/officer.token",
    "certificates/gateway.key",
    "certificates/gateway-client.key",
];

/// A secret as it might be shown: as it is, its bytes in hexadecimal and base64, and as Rust shows
/// them; of each the first part.
fn secret_words(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8(file.to_vec()).ok();
    let body = text.as_deref().and_then(|text| text.lines().nth(1));
    let pem = body.and_then(|body| BASE64.decode(body.as_bytes()).ok());
    let plain = if pem.is_some() { body.map(str::to_owned) } else { text.clone() };
    // What all keys of a kind begin with is not secret.
    let bytes = pem.map_or_else(|| file.to_vec(), |der| der[der.len() - 16..].to_vec());
    let bytes = &bytes[..16];
    let shown = format!("{bytes:?}");
    let plain = plain.map(|text| text[text.len() - 20..].to_owned());
    let words = [HEXLOWER.encode(bytes), BASE64.encode(&bytes[..15]), shown[1..30].to_owned()];
    words.into_iter().chain(plain).collect()
}

fn plan() -> Plan {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/zqanswer\r\nx-zqanswer: zqanswer\r\n\
                  otkel-receipt: zqreceipt\r\n\
                  content-length: 8\r\n\r\nzqanswer";
    let credential = "\n[partner.training-gb.credential]\nheader = \"x-key\"\nfile = \"keys/x\"\n";
    World::plan()
        .real_time()
        .configure(credential)
        .secret("keys/x", "zqcredential\n")
        .stub("training-gb", Stub::that(Act::Says(answer)))
        .stub("mailing-de", Stub::that(Act::Says("zqanswer zqanswer\r\n\r\n")))
}

/// Gives consents, good and bad, and looks for them, with the identifier in every place.
async fn consents(world: &World, told: &mut Vec<String>) {
    let now = SystemClock.now().to_string();
    let good = |number, edit: fn(&mut serde_json::Value)| consent_at(&now, number, IIN, edit);
    let gb = good(20, |c| c["events"][0]["evidence"]["reference"] = json!(KEPT));
    let kz = good(21, |c| c["recipient_third_parties"] = json!(["attestation-kz"]));
    let de = good(22, |c| {
        c["recipient_third_parties"] = json!(["mailing-de"]);
        c["cross_border"]["countries"] = json!(["DE"]);
        c["purposes"] = json!(["P10a"]);
    });
    for consent in [gb, kz, de] {
        let (status, answer) = world.admin("POST", "/consents", &consent.to_string()).await;
        assert_eq!(status, 201, "{answer}");
    }
    let who = json!({"scheme": "kz-iin", "id": IIN});
    // To a partner that nothing is sent to here: it keeps nothing from going.
    let block = json!({"subject": who, "partner": "learning-de", "document": "No. 7"});
    let (status, answer) = world.admin("POST", "/blocks", &block.to_string()).await;
    assert_eq!(status, 201, "{answer}");
    for (method, path, body) in [
        ("POST", "/consents", good(23, |c| c["subject"]["id"] = json!([IIN])).to_string()),
        ("POST", "/consents", good(24, |c| c["zqkey"] = json!("Zqvalue")).to_string()),
        ("POST", "/consents", good(25, |c| c["purposes"] = json!(["Zqvalue"])).to_string()),
        ("POST", "/consents", good(26, |c| c["language"] = json!("Zqvalue")).to_string()),
        ("POST", "/consents", format!("{{\"{IIN}\"")),
        ("POST", "/consents/search", who.to_string()),
        ("POST", "/consents/search", format!("{{\"id\":\"{IIN}\",\"zqkey\":\"Zqvalue\"}}")),
        ("POST", &format!("/consents/{}/withdraw", record(1)), format!("\"{IIN}\"")),
        ("GET", &format!("/consents/{}", record(20)), String::new()),
        ("GET", "/consents/zqpath", String::new()),
        ("POST", "/blocks", json!({"subject": who, "document": format!("on {IIN}")}).to_string()),
        ("POST", "/blocks", json!({"subject": {"scheme": IIN, "zqkey": "Zqvalue"}}).to_string()),
        ("POST", "/blocks", json!({"partner": "Zqvalue", "document": IIN}).to_string()),
        ("POST", "/blocks/zqpath/lift", format!("\"{IIN}\"")),
        ("GET", "/blocks", String::new()),
        ("GET", "/decisions/zqpath?zqquery", String::new()),
        ("GET", "/zqpath/zqpath", String::new()),
    ] {
        told.push(world.admin(method, path, &body).await.1.to_string());
    }
    let (status, answer) = world.admin_as(Some("zqtoken"), "GET", "/zqpath?zqquery", "").await;
    assert_eq!(status, 401);
    told.push(answer.to_string());
}

/// Requests of every kind, over both versions of HTTP.
fn asks() -> Vec<Ask> {
    let learner = |iin: &str, more: &str| {
        format!(r#"{{"learners":[{{"iin":"{iin}","family_name":"Zqvalue"{more}}}]}}"#)
    };
    let good = learner(IIN, r#","zqkey":"Zqother","given_name":{"zqkey":1},"email":"Zqother""#);
    let letter = format!(r#"{{"iin":"{IIN}","zqkey":"Zqother"}}"#);
    let post = |body: &str| enrol(body);
    let ours = |ask: Ask| {
        ask.header("zqheadername", "zqheadervalue")
            .header("cookie", "zqcookie=zqcookie")
            .header("authorization", "Bearer zqtoken")
            .header("accept-language", "zqheadervalue")
    };
    let mut asks = vec![
        post(&good),
        post(&learner(STRANGER, "")),
        post(&learner("Zqvalue", "")),
        result(&letter),
        result(letter.replace("zqkey", "family_name")),
        subscribe(subscribers(IIN).replace("someone", "Zqvalue")).purpose("P10a"),
        subscribe(subscribers(IIN)).purpose("zqpurpose"),
        subscribe(subscribers(IIN)).purpose("zqpurpose, P07"),
        post(&good).path("/training-gb/enrolments?zqquery=911231200439"),
        post(&good).path("/zqpath/911231200439"),
        post(&good).path("/training-gb/%2e%2e/zqpath"),
        post(&good).host("zqhost.example"),
        post(&good).method("ZQVALUE"),
        post(&good).by("crm"),
        post(&good).by("gateway-client"),
        post(&good).header("content-type", "text/zqtype"),
        post(&good).header("content-type", "application/json; charset=zqtype"),
        post(&good).header("content-encoding", "zqtype"),
        post(&good).header("idempotency-key", "zqheadervalue"),
        post(&good).header("expect", "zqheadervalue"),
        post(&good[..good.len() - 1]),
        post(&learner(IIN, r#","zqkey":1,"zqkey":2"#)),
        post(&learner(IIN, r#","family_name":"Zqother""#)),
        post(&learner(IIN, r#","email":Zqvalue"#)),
        post(&learner(IIN, r#","email":"Zqvalue\ud800""#)),
        post(&format!("\"Zqvalue\" {good}")),
        post(&format!("[\"{IIN}\"]")),
        post(&learner(IIN, &format!(r#","zqkey":{}"Zqvalue"{}"#, "[".repeat(90), "]".repeat(90)))),
    ];
    asks = asks.into_iter().map(ours).collect();
    let second: Vec<Ask> = asks.iter().cloned().map(Ask::http2).collect();
    asks.extend(second);
    asks
}

/// Requests that no client library would send.
fn raw() -> Vec<Vec<u8>> {
    let body = format!(r#"{{"learners":[{{"iin":"{IIN}"}}]}}"#);
    let ask = enrol(&body).header("zqheadername", "zqheadervalue");
    let head = |more: &str| [&ask.head(), more.as_bytes(), body.as_bytes()].concat();
    vec![
        head("zqheadername : zqheadervalue\r\ncontent-length: 9\r\n\r\n"),
        head("zqheadername: zq\x01headervalue\r\ncontent-length: 9\r\n\r\n"),
        head("content-length: zqheadervalue\r\n\r\n"),
        head("transfer-encoding: zqheadervalue\r\n\r\n"),
        head("transfer-encoding: chunked\r\n\r\nzqheadervalue\r\n"),
        head("connection: zqheadername\r\n\r\n"),
        head("host: zqhost\r\n\r\n"),
        format!("ZQVALUE zqpath HTTP/1.1\r\nhost: zqhost\r\n\r\n{body}").into_bytes(),
        format!("zqpath {IIN}\r\n\r\n").into_bytes(),
    ]
}

/// What the gateway wrote: the store, the published checkpoint, the log.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for below in ["", "store"] {
        for entry in fs::read_dir(folder.join(below)).unwrap().map(Result::unwrap) {
            let name = entry.path().to_string_lossy().into_owned();
            let given = name.ends_with("consents.ndjson");
            if entry.file_type().unwrap().is_file() && !given {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

/// Where which words are found, as they are, in capitals, in hexadecimal or in base64.
fn search(places: &BTreeMap<String, Vec<u8>>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in places {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for word in words {
            let plain = word.as_bytes();
            let base64 = BASE64.encode(plain).trim_end_matches('=').to_lowercase();
            for form in [word.to_lowercase(), HEXLOWER.encode(plain), base64] {
                let hits = text.match_indices(&form).take(3);
                found.extend(hits.map(|(at, _)| around(place, &text, at)));
            }
        }
    }
    found
}

fn around(place: &str, text: &str, at: usize) -> String {
    let near = text.char_indices().filter(|(n, _)| (at.saturating_sub(120)..at + 60).contains(n));
    format!("{place} at {at}: {}", near.map(|(_, c)| c).collect::<String>())
}
