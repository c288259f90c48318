//! Signed requests. What is signed is written here once more, from RFC 9421, so that also what the
//! program never writes can be signed well.

use std::fmt::Write as _;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use otkel::signing::request::{self, Covered, Freshness, Message, read_digest};
use otkel::signing::{Sign as _, SigningKey, VerifyKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{NOW, at, key, malleated};

const BODY: &str = "OTK1, and what follows it";
const COMPONENTS: [&str; 5] =
    ["@method", "@target-uri", "content-type", "content-digest", "otkel-id"];

/// A request, as a receiver has it before it looks closer.
fn plain() -> Value {
    json!({
        "name": "whole",
        "method": "POST",
        "target_uri": "https://api.training-gb.example/v1/enrolments",
        "content_type": "application/vnd.otkel",
        "id": "01a20459-4fb3-73b7-9f21-1709b2ed5b96",
        "body": BODY,
        "content_digest": format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(BODY))),
        "now": NOW + 2,
        "why": null,
    })
}

/// The parameters of a signature, as the program writes them.
fn params(by: &SigningKey) -> String {
    let (kid, expires) = (by.key().kid(), NOW + 300);
    format!(";created={NOW};expires={expires};keyid=\"{kid}\";alg=\"ed25519\";tag=\"otk1\"")
}

/// The signature base (RFC 9421 section 2.5) and the value of `@signature-params` in it.
fn base(request: &Value, components: &[&str], params: &str) -> (String, String) {
    let mut lines = String::new();
    for component in components {
        let value = &request[component.trim_start_matches('@').replace('-', "_").as_str()];
        let value = if *component == "otkel-id" { &request["id"] } else { value };
        writeln!(lines, "\"{component}\": {}", value.as_str().unwrap()).unwrap();
    }
    let names: Vec<String> = components.iter().map(|name| format!("\"{name}\"")).collect();
    let params = format!("({}){params}", names.join(" "));
    (format!("{lines}\"@signature-params\": {params}"), params)
}

/// A request with a signature over these components with these parameters.
fn signed(name: &str, request: &Value, components: &[&str], params: &str) -> Value {
    let (base, params) = base(request, components, params);
    let signature = BASE64.encode(&key("gateway").sign(base.as_bytes()).unwrap());
    with(
        request,
        name,
        &[("signature_input", format!("gw={params}")), ("signature", format!("gw=:{signature}:"))],
    )
}

fn with(request: &Value, name: &str, members: &[(&str, String)]) -> Value {
    let mut request = request.clone();
    request["name"] = name.into();
    for (member, value) in members {
        request[*member] = value.as_str().into();
    }
    request
}

fn refused(why: &str, mut request: Value) -> Value {
    request["why"] = why.into();
    request
}

pub(super) fn made() -> Vec<Value> {
    let mut cases = good();
    let whole = cases[0].clone();
    cases.extend(changed(&whole));
    cases.extend(otherwise_signed());
    cases.extend(other_fields(&whole));
    cases
}

/// As the program signs them; what is written here by hand comes to the same.
fn good() -> Vec<Value> {
    let by = key("gateway");
    let whole = signed("whole", &plain(), &COMPONENTS, &params(&by));
    let message = message(&whole);
    let ours = request::sign(&message, at(NOW), &by).unwrap();
    assert_eq!(json!(ours.input), whole["signature_input"]);
    assert_eq!(json!(ours.signature), whole["signature"]);
    assert_eq!(json!(ours.digest), whole["content_digest"]);
    let mut parts = plain();
    parts["content_type"] = "application/vnd.otkel.envelopes; parts=signed".into();
    parts["content_digest"] = Value::Null;
    let in_parts = ["@method", "@target-uri", "content-type", "otkel-id"];
    let parts = signed("parts", &parts, &in_parts, &params(&by));
    let mut last = whole.clone();
    (last["name"], last["now"]) = ("the last second".into(), (NOW + 329).into());
    vec![whole, parts, last]
}

/// Requests that were changed after they were signed, or are read at another time.
fn changed(whole: &Value) -> Vec<Value> {
    let other = |name: &str, member: &str, value: &str| {
        refused("Wrong", with(whole, name, &[(member, value.to_owned())]))
    };
    let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest("another")));
    let mut cases = vec![
        other("another method", "method", "PUT"),
        other("another path", "target_uri", "https://api.training-gb.example/v1/others"),
        other("another host", "target_uri", "https://api.learning-de.example/v1/enrolments"),
        other("another type", "content_type", "application/json"),
        other("another id", "id", "01a20459-4fb3-73b7-9f21-1709b2ed5b97"),
        refused("Digest", with(whole, "another body", &[("body", "another".to_owned())])),
        refused(
            "Wrong",
            with(
                whole,
                "another body and digest",
                &[("body", "another".to_owned()), ("content_digest", digest)],
            ),
        ),
    ];
    for (name, now, why) in [("too late", NOW + 331, "Old"), ("too early", NOW - 31, "Future")] {
        let mut case = refused(why, with(whole, name, &[]));
        case["now"] = now.into();
        cases.push(case);
    }
    cases
}

/// Requests that are well signed, but not as they must be.
fn otherwise_signed() -> Vec<Value> {
    let (by, plain) = (key("gateway"), plain());
    let form = |name: &str, components: &[&str], params: &str| {
        refused("Form", signed(name, &plain, components, params))
    };
    let params = params(&by);
    let mut cases = Vec::new();
    for left_out in COMPONENTS {
        let rest: Vec<&str> = COMPONENTS.into_iter().filter(|name| *name != left_out).collect();
        cases.push(form(&format!("without {left_out}"), &rest, &params));
    }
    let mut turned = COMPONENTS;
    turned.reverse();
    cases.push(form("in another order", &turned, &params));
    for (name, from, to) in [
        ("another tag", "otk1", "otk2"),
        ("no tag", ";tag=\"otk1\"", ""),
        ("no alg", ";alg=\"ed25519\"", ""),
        ("another alg", "\"ed25519\"", "\"rsa-v1_5-sha256\""),
        ("no created", ";created=1795356000", ""),
        ("no expires", ";expires=1795356300", ""),
        ("created as a decimal", "=1795356000", "=1795356000.0"),
        ("a nonce too", ";alg", ";nonce=\"x\";alg"),
    ] {
        cases.push(form(name, &COMPONENTS, &params.replacen(from, to, 1)));
    }
    let expired = params.replace("expires=1795356300", "expires=1795355000");
    cases.push(refused("Old", signed("expires before it begins", &plain, &COMPONENTS, &expired)));
    cases
}

/// Requests with other header fields than the ones that were made for them.
fn other_fields(whole: &Value) -> Vec<Value> {
    let text = |member: &str| whole[member].as_str().unwrap().to_owned();
    let (input, signature) = (text("signature_input"), text("signature"));
    let (plain, own) = (plain(), params(&key("gateway")));
    let by = |name: &str, params: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let (base, params) = base(&plain, &COMPONENTS, params);
        let signature = BASE64.encode(&sign(base.as_bytes()));
        with(
            &plain,
            name,
            &[
                ("signature_input", format!("gw={params}")),
                ("signature", format!("gw=:{signature}:")),
            ],
        )
    };
    let stranger = |message: &[u8]| key("stranger").sign(message).unwrap().to_vec();
    // Whoever takes the algorithm from the request makes an HMAC secret of the public key.
    let confused = |message: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key("gateway").key().as_bytes()).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    };
    let twisted = |message: &[u8]| malleated(&key("gateway").sign(message).unwrap()).to_vec();
    let hmac = own.replace("ed25519", "hmac-sha256");
    let fields = |name: &str, input: String, signature: String| {
        let members = [("signature_input", input), ("signature", signature)];
        refused("Form", with(whole, name, &members))
    };
    let also = |text: &str| format!("{text}, {}", text.replacen("gw", "also", 1));
    let again = |text: &str| format!("{text}, {text}");
    let renamed = |text: &str| text.replacen("gw", "sig1", 1);
    vec![
        refused("Key", by("an unknown key", &params(&key("stranger")), &stranger)),
        refused("Wrong", by("another key by the name of ours", &own, &stranger)),
        refused("Form", by("HMAC with the public key", &hmac, &confused)),
        refused("Wrong", by("the order added", &own, &twisted)),
        fields("two signatures", also(&input), also(&signature)),
        fields("the label twice", again(&input), again(&signature)),
        fields("another label", renamed(&input), renamed(&signature)),
        fields("no signature", input.clone(), String::new()),
        fields("no input", String::new(), signature.clone()),
        fields("cut", input.clone(), signature.replacen("==:", "=:", 1)),
        fields("base64 with more bits", input, last_bits(&signature)),
    ]
}

/// The same bytes, written with bits that no byte has.
fn last_bits(signature: &str) -> String {
    let (rest, end) = signature.split_at(signature.len() - 4);
    let last = char::from(end.as_bytes()[0]);
    format!("{rest}{}{}", char::from(last as u8 + 1), &end[1..])
}

fn message(request: &Value) -> Message<'_> {
    let text = |member: &str| request[member].as_str().unwrap();
    let digest = request["content_digest"].as_str();
    Message {
        method: text("method"),
        target_uri: text("target_uri"),
        content_type: text("content_type"),
        id: text("id"),
        body: digest.map_or(Covered::Parts, |field| {
            Covered::Digest(read_digest(field).unwrap_or_default())
        }),
    }
}

/// What a receiver does with a request; why it refuses it.
pub(super) fn read(request: &Value, key: &VerifyKey) -> Result<(), String> {
    let text = |member: &str| request[member].as_str().unwrap();
    if let Some(field) = request["content_digest"].as_str() {
        let is = read_digest(field).is_some_and(|digest| digest == *Sha256::digest(text("body")));
        is.then_some(()).ok_or("Digest")?;
    }
    let fields = (text("signature_input"), text("signature"));
    let now = at(request["now"].as_i64().unwrap());
    let fresh = Freshness { now, age_max: 300, skew_max: 30 };
    let verified = request::verify(&message(request), fields, [key], fresh);
    verified.map(|_| ()).map_err(|why| format!("{why:?}"))
}
