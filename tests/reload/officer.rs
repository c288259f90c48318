//! The officer's way: see what a change lets out, try it, sign it, and find it again.

use super::signed::{sign, signed_by_two};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_rule_is_seen_tried_signed_and_found() {
    let world = signed_by_two().prepare().await;
    sign(&world, "aigul");
    sign(&world, "daniyar");
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();

    shell(&world, "cp -r policies before");
    world.edit(GB_FILE, r#"P09 = ["D01", "D07", "D08"]"#, r#"P09 = ["D01", "D07", "D08", "D20"]"#);
    shell(&world, "cp -r policies wider");
    let wider = format!("{EMAIL}\n{SCORE}");
    world.edit("wider/partners/training-gb.toml", EMAIL, &wider);
    let diff = ["diff", "before", "wider"];
    let told = world.command(&diff).output().unwrap();
    let words = String::from_utf8(told.stdout).unwrap();
    assert_eq!(told.status.code(), Some(1), "{words}");
    assert!(words.contains("WIDER") && words.contains("$.learners[*].score"), "{words}");

    world.edit(GB_FILE, NEXT, &format!("{CANDIDATE}\n{NEXT}"));
    sign(&world, "aigul");
    sign(&world, "daniyar");
    assert_eq!(reload(&world).await.0, 200);
    let sent = world.send(enrol(SCORED)).await;
    sent.reaches(GB, r#"{"learners":[{"family_name":"Тест"}]}"#);
    let entry = sent.entry();
    let tried = &entry["candidate"];
    assert_eq!(entry["verdicts"][0]["sent"].get("D20"), None, "the rules in force decide");
    assert_eq!(tried["verdicts"][0]["sent"]["D20"], json!(["$.learners[*].score"]), "{tried:#}");

    let activation = activation(&world);
    assert_eq!(activation["signed_by"], json!(["aigul", "daniyar"]));
    assert_eq!(activation["policy"], entry["policy"]);
    let history = String::from_utf8(world.otkel(&["rules", "history"]).stdout).unwrap();
    let found = format!("entry {}  ", activation["seq"]);
    assert!(history.contains(&found) && history.contains("  signed by aigul, daniyar\n"));
    assert_eq!(world.otkel(&["verify"]).status.code(), Some(0));
}

const EMAIL: &str = r#""$.learners[*].email" = "D07""#;
const SCORE: &str = r#""$.learners[*].score" = "D20""#;
const NEXT: &str = "# The same listeners in groups";
const CANDIDATE: &str = r#"[route.candidate]
until = 2027-10-31
[route.candidate.fields]
"$.learners[*].family_name" = "D01"
"$.learners[*].score" = "D20"
"#;
const SCORED: &str = r#"{"learners":[{"iin":"580101100015","family_name":"Тест","score":91}]}"#;
