//! What a partner does with a stream: `otkel open`.

use std::fs;
use std::process::{Command, Stdio};

use otkel::envelope::frames;

use super::*;

/// The frames of a stream as they stand in a request: those that the partner got.
async fn heard(world: &World, people: &[String]) -> Vec<u8> {
    assert_eq!(world.ask(stream(array(people))).await.status, 200);
    let heard = world.heard(GB);
    let start = heard.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    unchunked(&heard[start..])
}

/// Each frame by itself.
fn split(body: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer = body.into();
    let whole = |(envelope, _): (bytes::Bytes, _)| frames::frame(&envelope, None).unwrap();
    std::iter::from_fn(|| frames::next_signed(&mut buffer).unwrap().map(whole)).collect()
}

/// Standard output, standard error and exit code.
fn open(world: &World, input: &[u8]) -> (String, String, i32) {
    let file = world.folder().join("frames");
    fs::write(&file, input).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_otkel"));
    command.args(["open", "--key", "keys/training-gb.key"]).current_dir(world.folder());
    command.stdin(Stdio::from(fs::File::open(file).unwrap()));
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// Frames, the names in the bodies that come out, and the words that follow.
type Case<'a> = (&'a [&'a [u8]], &'a [&'a str], &'a str);

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_opens_whole_and_in_order_or_not() {
    let plan = plan_with(1).stub(GB, Stub::that(Act::Hears(WELL)));
    let world = plan.start().await;
    let people: Vec<_> = ["A", "B", "C"].map(|name| person(AIGERIM, name)).to_vec();
    let first = split(&heard(&world, &people).await);
    assert_eq!(first.len(), 3);
    let of = |parts: &[&[u8]]| open(&world, &parts.concat());
    let [a, b, c] = [&first[0][..], &first[1], &first[2]];

    let body = |names: &[&str]| -> String {
        let body = |name: &&str| format!(r#"[{{"family_name":"{name}"}}]"#);
        names.iter().map(body).collect::<Vec<_>>().concat()
    };
    let all = body(&["A", "B", "C"]);
    assert_eq!(of(&[a, b, c]), (all.clone(), String::new(), 0));
    assert_eq!(open(&world, &a[4..]), (body(&["A"]), String::new(), 0), "a part by itself");

    let incomplete = "otkel: the stream is incomplete: its last part is missing\n";
    let place = "otkel: a part of the stream is missing, comes twice or is out of its place\n";
    let changed = "otkel: the envelope does not open: it was changed, or is not for this key\n";
    let mut other = b.to_vec();
    *other.last_mut().unwrap() ^= 1;
    let cases: [Case<'_>; 9] = [
        (&[a, b], &["A", "B"], incomplete),
        (&[a], &["A"], incomplete),
        (&[b, c], &[], place),
        (&[a, c], &["A"], place),
        (&[a, a, b, c], &["A"], place),
        (&[a, b, c, a], &["A", "B", "C"], "otkel: the stream goes on after its last part\n"),
        (&[a, &b[..b.len() - 1]], &["A"], "otkel: the stream is cut off inside a frame\n"),
        (&[a, &b[..3]], &["A"], "otkel: the stream is cut off inside a frame\n"),
        (&[a, &other, c], &["A"], changed),
    ];
    for (parts, names, why) in cases {
        assert_eq!(of(parts), (body(names), why.to_owned(), 1));
    }
}
