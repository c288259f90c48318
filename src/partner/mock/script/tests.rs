use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::*;

fn script(text: &str) -> Play {
    Play::new(Script::read("script.toml", text, Path::new("")).unwrap_or_else(|e| panic!("{e}")))
}

fn header(method: &str, path: &str, purpose: &str, media: &str) -> Header {
    Header {
        v: 1,
        did: Uuid::nil(),
        iss: "gw.example.kz".into(),
        aud: "courses".into(),
        m: method.into(),
        p: path.into(),
        cty: media.into(),
        iat: 0,
        pur: purpose.into(),
        exp: 0,
        onw: false,
        stream: None,
        pad: false,
        re: None,
        st: None,
        rcpt: Vec::new(),
    }
}

/// The status that a script answers a JSON body with; 0 where no rule is for it.
fn status(play: &Play, header: &Header, body: &str) -> u16 {
    let message = Message { header, inside: None, body: body.as_bytes() };
    match play.at_message(&message).map(|act| act.deed) {
        Some(Deed::Answer(answer)) => answer.status.as_u16(),
        Some(deed) => panic!("{deed:?}"),
        None => 0,
    }
}

#[test]
fn the_first_rule_that_fits_is_taken() {
    let play = script(
        "[[rule]]\nwhen = { method = 'PUT' }\nstatus = 201\n\
         [[rule]]\nwhen = { path = '/a/*/c' }\nstatus = 202\n\
         [[rule]]\nwhen = { purpose = 'P04', media = 'text/csv' }\nstatus = 203\n\
         [[rule]]\nwhen.body = { '$.list[*].n' = 2, '$.last' = { a = true } }\nstatus = 204\n",
    );
    let json = "application/json";
    let cases = [
        ("PUT", "/a/b/c", "P05", json, "{}", 201),
        ("POST", "/a/b/c", "P05", json, "{}", 202),
        ("POST", "/a/b/d", "P04", "text/CSV; charset=utf-8", "a", 203),
        ("POST", "/", "P04", json, "a", 0),
        ("POST", "/", "P05", json, r#"{"list":[{"n":1},{"n":2.0}],"last":{"a":true}}"#, 204),
        ("POST", "/", "P05", json, r#"{"list":[{"n":1},{"n":3}],"last":{"a":true}}"#, 0),
        ("POST", "/", "P05", json, r#"{"list":[{"n":2}],"last":{"a":true,"b":1}}"#, 0),
    ];
    for (method, path, purpose, media, body, expected) in cases {
        let header = header(method, path, purpose, media);
        assert_eq!(status(&play, &header, body), expected, "{method} {path} {purpose} {body}");
    }
}

#[test]
fn messages_are_counted_for_each_rule() {
    let play = script(
        "[[rule]]\nwhen = { method = 'PUT', nth = 2 }\nstatus = 201\n\
         [[rule]]\ntimes = 2\nstatus = 202\n\
         [[rule]]\nwhen = { nth = 4 }\nstatus = 203\n",
    );
    let (put, post) = (header("PUT", "/", "P", "a/b"), header("POST", "/", "P", "a/b"));
    let came = [&put, &post, &put, &put, &put].map(|header| status(&play, header, ""));
    assert_eq!(came, [202, 202, 201, 203, 0]);
}

#[test]
fn a_request_inside_has_its_own_method_path_and_body() {
    let play = script(
        "[[rule]]\nwhen.inside = { method = 'GET', path = '/l/*' }\nstatus = 201\n\
         [[rule]]\nwhen = { media = 'application/json', body = { '$' = [1] } }\nstatus = 202\n",
    );
    let header = header("POST", "/carried", "P", "message/bhttp");
    let mut inside = Inner {
        method: "GET".into(),
        authority: String::new(),
        target: "/l/9?course=1".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!([1]).to_string().into(),
    };
    let came = |inside: &Inner| {
        let message = Message { header: &header, inside: Some(inside), body: b"" };
        play.at_message(&message).map(|act| act.deed)
    };
    let is = |deed, status: u16| matches!(deed, Some(Deed::Answer(a)) if a.status == status);
    assert!(is(came(&inside), 201));
    inside.target = "/m".into();
    assert!(is(came(&inside), 202));
    inside.body = b"[2]".to_vec();
    assert!(came(&inside).is_none());
    let plain = Message { header: &header, inside: None, body: b"" };
    assert!(play.at_message(&plain).is_none(), "nothing is inside");
}

#[test]
fn what_acts_before_the_body_is_looked_for_first() {
    let play = script(
        "[[rule]]\nwhen = { path = '/a' }\nstatus = 201\n\
         [[rule]]\nwhen = { path = '/a', nth = 2 }\nfault = 'close'\n\
         [[rule]]\nwhen = { method = 'PUT' }\nstatus = 503\nfault = 'early'\n",
    );
    assert!(play.at_head("POST", "/a").is_none());
    let act = play.at_head("POST", "/a").unwrap();
    assert!(matches!(act.deed, Deed::Break(Break::Close)));
    let act = play.at_head("PUT", "/b").unwrap();
    assert!(matches!(act.deed, Deed::Answer(answer) if answer.is_early && answer.status == 503));
    assert_eq!(status(&play, &header("PUT", "/a", "P", "a/b"), ""), 201);
}

#[test]
fn a_body_comes_with_its_media_type() {
    let play = script(
        "[[rule]]\ntimes = 1\ntext = 'ә'\n\
         [[rule]]\ntimes = 1\njson = { at = 2026-11-23T07:00:00Z, n = [1, 0.5, true, 'a'] }\n\
         [[rule]]\ntimes = 1\nfile = 'Cargo.toml'\nheaders = { Content-Type = 'text/x' }\n\
         [[rule]]\nheaders = { retry-after = '1' }\n",
    );
    let mut came = Vec::new();
    for _ in 0..4 {
        let header = header("PUT", "/", "P", "a/b");
        let act = play.at_message(&Message { header: &header, inside: None, body: b"" });
        let Some(Act { deed: Deed::Answer(answer), .. }) = act else { panic!("{act:?}") };
        let media = answer.headers.get("content-type").map(|v| v.to_str().unwrap().to_owned());
        came.push((media, answer.body));
    }
    let [text, json, file, none] = came.try_into().unwrap();
    assert_eq!(text, (Some("text/plain;charset=utf-8".into()), Some("ә".into())));
    let document = r#"{"at":"2026-11-23T07:00:00Z","n":[1,0.5,true,"a"]}"#;
    assert_eq!(json, (Some("application/json".into()), Some(document.into())));
    assert!(file.0.as_deref() == Some("text/x") && file.1.unwrap().starts_with(b"[package]"));
    assert_eq!(none, (None, None));
}

#[test]
fn a_pattern_fits_as_a_whole() {
    for (pattern, text) in [("/a", "/a"), ("/a*", "/a"), ("*", ""), ("/*/b/*", "/a/b/c/d")] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("/a", "/ab"), ("/a*b", "/a"), ("/*/b", "/b"), ("*ab*", "ba")] {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}
