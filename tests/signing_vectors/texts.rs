//! Receipts and key lists: compact JWS.

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use otkel::signing::list::{self, Listed, SigningList};
use otkel::signing::receipt::{self, Bytes, Expected, Receipt, Status};
use otkel::signing::{Sign as _, SigningKey, VerifyKey};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{NOW, at, key, malleated};

const GATEWAY: &str = "gw.example";
const PARTNER: &str = "training-gb";
const DID: &str = "01a20459-4fb3-73b7-9f21-1709b2ed5b96";

pub(super) fn plain() -> Receipt {
    Receipt {
        v: 1,
        iss: PARTNER.into(),
        aud: GATEWAY.into(),
        iat: NOW,
        did: DID.parse().unwrap(),
        env: Bytes::new(&[9; 32], 338),
        status: Status::Accepted,
        opened: true,
        parts: None,
        reply: None,
    }
}

/// A header as the program writes it.
fn header(by: &SigningKey) -> String {
    format!(r#"{{"alg":"Ed25519","typ":"{}","kid":"{}"}}"#, receipt::TYPE, by.key().kid())
}

/// What is signed of a text with these parts.
fn signing(header: &str, payload: &str) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}", part(header), part(payload))
}

fn signed(header: &str, payload: &str, by: &SigningKey) -> String {
    let text = signing(header, payload);
    let signature = by.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn case(name: &str, text: impl Into<Value>, why: Option<&str>) -> Value {
    let text = text.into();
    json!({ "name": name, "text": text, "why": why })
}

pub(super) fn jws() -> Vec<Value> {
    let by = key("partner");
    let good = plain().sign(&by).unwrap();
    let payload = serde_json::to_string(&plain()).unwrap();
    assert_eq!(good, signed(&header(&by), &payload, &by));
    let legacy = header(&by).replace("\"Ed25519\"", "\"EdDSA\"");
    let mut cases = vec![
        case("as the program writes it", good.clone(), None),
        case("with the older name of Ed25519", signed(&legacy, &payload, &by), None),
    ];
    cases.extend(headers(&payload));
    cases.extend(payloads(&payload));
    cases.extend(forms(&good, &payload));
    cases
}

/// Texts with another header, each signed as its header says.
fn headers(payload: &str) -> Vec<Value> {
    let (by, thief) = (key("partner"), key("stranger"));
    let own = header(&by);
    let more = |member: &str| own.replace('}', &format!(",{member}}}"));
    let with = |name: &str, header: String, why: &str| {
        case(name, signed(&header, payload, &by), Some(why))
    };
    let none = own.replace("Ed25519", "none");
    let unsigned = format!("{}.", signing(&none, payload));
    let hmac = signing(&own.replace("Ed25519", "HS256"), payload);
    let mac = |secret: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(hmac.as_bytes());
        format!("{hmac}.{}", BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()))
    };
    let public = by.key().to_string();
    let x = BASE64URL_NOPAD.encode(thief.key().as_bytes());
    let jwk = more(&format!(r#""jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#));
    vec![
        case("alg none", unsigned, Some("Form")),
        with("alg none with a signature", none, "Algorithm"),
        case("HS256 with the public key", mac(by.key().as_bytes()), Some("Form")),
        case("HS256 with the public key's text", mac(public.as_bytes()), Some("Form")),
        with("no alg", own.replace(r#""alg":"Ed25519","#, ""), "Header"),
        with("another typ", own.replace(receipt::TYPE, list::TYPE), "Type"),
        with("no typ", own.replace(&format!(r#""typ":"{}","#, receipt::TYPE), ""), "Header"),
        with("another kid", header(&thief), "Key"),
        with("no kid", own.replace(&format!(r#","kid":"{}""#, by.key().kid()), ""), "Header"),
        with("crit", more(r#""crit":["b64"],"b64":false"#), "Header"),
        with("a member more", more(r#""x":1"#), "Header"),
        with("a member twice", more(r#""alg":"Ed25519""#), "Header"),
        case("a key in the header", signed(&jwk, payload, &thief), Some("Header")),
        case("another key by the name of ours", signed(&own, payload, &thief), Some("Signature")),
    ]
}

/// Texts that are well signed and say something else.
fn payloads(payload: &str) -> Vec<Value> {
    let by = key("partner");
    let with = |name: &str, payload: String| {
        case(name, signed(&header(&by), &payload, &by), Some("Payload"))
    };
    vec![
        with("no object", "[]".into()),
        with("a member of the payload twice", payload.replacen('{', r#"{"v":1,"#, 1)),
        with("a member of the payload more", payload.replacen('{', r#"{"name":"x","#, 1)),
        with("a member of the payload less", payload.replace(r#""opened":true"#, r#""v":1"#)),
        with("an unknown status", payload.replace("accepted", "read")),
        with("something behind the payload", format!("{payload}{{}}")),
    ]
}

/// Texts of another form.
fn forms(good: &str, payload: &str) -> Vec<Value> {
    let (by, form) = (key("partner"), Some("Form"));
    let (text, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = text.split_once('.').unwrap();
    let bytes: [u8; 64] = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap().try_into().unwrap();
    let twisted = BASE64URL_NOPAD.encode(&malleated(&bytes));
    // Signed as it stands, with padding.
    let own = header(&by).replacen('{', "{  ", 1);
    let padded = BASE64URL.encode(own.as_bytes());
    assert!(padded.ends_with('='));
    let padded = format!("{padded}.{body}");
    let over_padded = BASE64URL_NOPAD.encode(&by.sign(padded.as_bytes()).unwrap());
    let flattened = json!({ "protected": head, "payload": body, "signature": signature });
    let last = signature.chars().last().unwrap();
    let bits = format!("{}{}", &good[..good.len() - 1], char::from(last as u8 + 1));
    let short = signed(&header(&by), payload, &by);
    vec![
        case("padded", format!("{good}=="), form),
        case("padded before it was signed", format!("{padded}.{over_padded}"), form),
        case("a JWS with more bits", bits, form),
        case("base64 of the other alphabet", format!("{text}.{}", "+/".repeat(43)), form),
        case("another part", format!("{good}.{signature}"), form),
        case("bytes behind it", format!("{good}AAAA"), form),
        case("a line feed behind it", format!("{good}\n"), form),
        case("a space before it", format!(" {good}"), form),
        case("cut", short[..short.len() - 4].to_owned(), form),
        case("two parts", text.to_owned(), form),
        case("empty", String::new(), form),
        case("as JSON", flattened.to_string(), form),
        case("the order added", format!("{text}.{twisted}"), Some("Signature")),
        case("no signature", format!("{text}."), form),
    ]
}

/// Why a text is not taken for a receipt.
pub(super) fn read(text: &Value, key: &VerifyKey) -> Result<(), String> {
    use receipt::BadReceipt::Jws;
    let text = text.as_str().unwrap_or_default();
    Receipt::read(text, [key]).map(|_| ()).map_err(|why| match why {
        Jws(why) => format!("{why:?}"),
        why => format!("{why:?}"),
    })
}

/// Receipts of one and the same payload, that say what they should not.
pub(super) fn receipts() -> Vec<Value> {
    let by = key("partner");
    let sent = json!({
        "iss": PARTNER, "aud": GATEWAY, "did": DID, "now": NOW + 2,
        "sha256": "09".repeat(32), "len": 338, "parts": null,
    });
    let cases = [
        ("as it should be", plain(), None),
        ("rejected", Receipt { status: Status::Rejected, opened: false, ..plain() }, None),
        ("another version", Receipt { v: 2, ..plain() }, Some("Payload")),
        ("another partner", Receipt { iss: "learning-de".into(), ..plain() }, Some("Issuer")),
        ("another gateway", Receipt { aud: "gw.other".into(), ..plain() }, Some("Audience")),
        ("another disclosure", Receipt { did: Uuid::nil(), ..plain() }, Some("Id")),
        ("other bytes", Receipt { env: Bytes::new(&[8; 32], 338), ..plain() }, Some("Envelope")),
        ("fewer bytes", Receipt { env: Bytes::new(&[9; 32], 337), ..plain() }, Some("Envelope")),
        ("in parts", Receipt { parts: Some(1), ..plain() }, Some("Parts")),
        ("too old", Receipt { iat: NOW - 299, ..plain() }, Some("Time")),
        ("too new", Receipt { iat: NOW + 303, ..plain() }, Some("Time")),
    ];
    let made = |(name, receipt, why): (&str, Receipt, Option<&str>)| {
        let mut made = case(name, receipt.sign(&by).unwrap(), why);
        made["sent"] = sent.clone();
        made
    };
    cases.into_iter().map(made).collect()
}

/// Why a receipt does not prove what was sent.
pub(super) fn check(case: &Value, key: &VerifyKey) -> Result<(), String> {
    let sent = &case["sent"];
    let text = |member: &str| sent[member].as_str().unwrap();
    let expected = Expected {
        iss: text("iss"),
        aud: text("aud"),
        did: text("did").parse().unwrap(),
        env: Bytes { sha256: text("sha256").to_owned(), len: sent["len"].as_u64().unwrap() },
        parts: sent["parts"].as_u64(),
        now: sent["now"].as_i64().unwrap(),
    };
    let receipt = Receipt::read(case["text"].as_str().unwrap(), [key]);
    let checked = receipt.and_then(|receipt| receipt.check(&expected));
    checked.map_err(|why| format!("{why:?}"))
}

/// The lists of a gateway that goes from one key to the next, and lists that others made.
pub(super) fn lists() -> Vec<Value> {
    let (one, two, thief) = (key("gateway"), key("next"), key("stranger"));
    let listed = |key: &SigningKey, from, until| Listed::new(key.key(), at(from), at(until));
    let following = |before: Option<&SigningList>, keys, now| {
        SigningList::following(before, GATEWAY, keys, at(now))
    };
    let first = following(None, vec![listed(&one, NOW, NOW + 1000)], NOW);
    let both = vec![listed(&one, NOW, NOW + 1000), listed(&two, NOW + 500, NOW + 2000)];
    let second = following(Some(&first), both, NOW + 100);
    let third = following(Some(&second), vec![listed(&two, NOW + 500, NOW + 2000)], NOW + 1000);
    let stolen = following(Some(&third), vec![listed(&thief, NOW, NOW + 9000)], NOW + 1001);
    let text = |list: &SigningList, by: &SigningKey| list.sign(by).unwrap();
    let (a, b, c) = (text(&first, &one), text(&second, &one), text(&third, &two));
    let other = SigningList { iss: "gw.other".into(), ..second.clone() };
    let same = SigningList { keys: first.keys.clone(), ..second.clone() };
    let case = |name: &str, before: Option<&String>, text: String, now: i64, why: Option<&str>| {
        let mut made = case(name, text, why);
        (made["before"], made["now"]) = (json!(before), json!(now));
        made
    };
    let unknown = Some("Jws(Key)");
    vec![
        case("the first", None, a.clone(), NOW, None),
        case("the next", Some(&a), b.clone(), NOW + 100, None),
        case("the next, by the new key", Some(&b), c.clone(), NOW + 1001, None),
        case("the same again", Some(&b), b.clone(), NOW + 100, None),
        case("by a key that is announced", Some(&b), text(&third, &two), NOW + 100, unknown),
        case("by a key that is over", Some(&b), text(&third, &one), NOW + 1001, unknown),
        case("by a stranger", Some(&c), text(&stolen, &thief), NOW + 1001, unknown),
        case("one before", Some(&b), a.clone(), NOW + 100, Some("Older(2)")),
        case("the same number", Some(&b), text(&same, &one), NOW + 100, Some("Changed")),
        case("another gateway's", Some(&a), text(&other, &one), NOW + 100, Some("Issuer")),
        case("a first by a stranger", None, text(&first, &thief), NOW, unknown),
    ]
}

/// Why a list does not follow the one before.
pub(super) fn follow(case: &Value, given: &VerifyKey) -> Result<(), String> {
    let before = case["before"].as_str();
    let before = before.map(|text| SigningList::read_own(text, GATEWAY).unwrap());
    let (text, now) = (case["text"].as_str().unwrap(), at(case["now"].as_i64().unwrap()));
    let given = std::slice::from_ref(given);
    let read = SigningList::read_next(text, GATEWAY, (given, before.as_ref()), now);
    read.map(|_| ()).map_err(|why| format!("{why:?}"))
}
