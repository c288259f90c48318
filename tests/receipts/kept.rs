//! Nothing that a partner writes of its own accord is kept.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::*;

/// Text that a header field can hold, in places where a receipt could hide it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_partners_own_words_is_in_the_store() {
    let mark = "zq[a-z0-9]{10}";
    let text = format!("[ -~]{{0,20}}{mark}[ -~]{{0,20}}");
    let mut runner = TestRunner::deterministic();
    let mut draw = |pattern: &str| {
        let strategy = proptest::string::string_regex(pattern).unwrap();
        strategy.new_tree(&mut runner).unwrap().current()
    };
    let words: Vec<(usize, String)> = (0..24).map(|n| (n % 8, draw(&text))).collect();
    let (said, turn) = (words.clone(), Mutex::new(0));
    let plan = answering(move |request| {
        let mut turn = turn.lock().unwrap();
        let (place, word) = &said[*turn];
        *turn += 1;
        put(request, *place, word)
    });
    let mut world = plan.start().await;
    for _ in &words {
        assert_eq!(status(&send(&world).await), Some("wrong"));
    }
    world.stop().await;
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(world.folder().join("store")).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert!(count(&bytes, b"\"type\":\"receipt\"") >= words.len());
    for (_, word) in &words {
        let start = word.find("zq").unwrap();
        let mark = &word.as_bytes()[start..start + 12];
        assert_eq!(count(&bytes, mark), 0, "{word}");
        // As it would stand in base64, wherever it begins there.
        for skip in 0..3 {
            let aligned = &mark[skip..skip + 9];
            let coded = data_encoding::BASE64URL_NOPAD.encode(aligned);
            assert_eq!(count(&bytes, coded.as_bytes()), 0, "{coded}");
        }
    }
}

/// A receipt that holds a word in one of the places where there is room for one.
fn put(request: &Request<'_>, place: usize, word: &str) -> String {
    let identity = &request.desk.identity;
    let sign = |payload: Value| jws::sign(TYPE, payload.to_string().as_bytes(), identity).unwrap();
    let mut payload = serde_json::to_value(receipt(request)).unwrap();
    match place {
        0 => return word.trim().to_owned(),
        1 => payload["iss"] = word.into(),
        2 => payload["aud"] = word.into(),
        3 => payload[word] = 1.into(),
        4 => payload["env"]["sha256"] = word.into(),
        5 => payload["env"][word] = word.into(),
        6 => payload["reply"] = json!({"sha256": word, "len": 850_101_300_123_u64}),
        _ => payload["status"] = word.into(),
    }
    sign(payload)
}
