//! The other formats that streams come in.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_json_go_in_parts_of_lines() {
    let world = plan_of("ndjson", 2).start().await;
    let ask = stream("").header("content-type", "application/x-ndjson");
    let mut pour = Pour::begin_with(&world, ask).await;
    let all: Vec<_> = ["A", "B", "C"].map(|name| person(AIGERIM, name)).to_vec();
    for byte in (all.join("\n") + "\n").as_bytes() {
        pour.send([*byte]).await;
    }
    assert_eq!(pour.end().await.status, 200);
    let left = |name: &str| format!("{{\"family_name\":\"{name}\"}}\n");
    assert_eq!(bodies(&world), [left("A") + &left("B"), left("C")]);
    assert_eq!(numbers(&world), [(0, false), (1, true)]);
    assert_eq!(world.received(GB)[0].header.cty, "application/x-ndjson");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_in_parts_that_each_have_the_header_row() {
    let format = "csv charset = \"windows-1251\"\ncsv = { delimiter = \";\" }";
    let world = plan_of(format, 2).start().await;
    let ask = || stream("").header("content-type", "text/csv; charset=windows-1251");
    let mut pour = Pour::begin_with(&world, ask()).await;
    let mut table = b"iin;family_name;phone\r\n".to_vec();
    // Тест, in windows-1251.
    for _ in 0..3 {
        table.extend_from_slice(&[AIGERIM.as_bytes(), b";\xd2\xe5\xf1\xf2;1\r\n"].concat());
    }
    for piece in table.chunks(3) {
        pour.send(piece).await;
    }
    assert_eq!(pour.end().await.status, 200);
    let rows = |number: usize| format!("family_name\r\n{}", "Тест\r\n".repeat(number));
    assert_eq!(bodies(&world), [rows(2), rows(1)]);

    // 98 is no letter of this charset.
    let from = size(&world);
    let mut pour = Pour::begin_with(&world, ask()).await;
    pour.send(b"iin;family_name\r\n1;\x98\r\n").await;
    let words = pour.end().await;
    assert_eq!(problem(&words)["code"], "DOCUMENT_UNPARSABLE");
    assert_eq!(entries(&world, from, "refusal").len(), 1);
}
