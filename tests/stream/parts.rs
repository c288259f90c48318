//! Each part by itself: decided, recorded, sealed and numbered.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn each_part_is_a_disclosure_and_the_last_says_so() {
    let world = plan().start().await;
    let names = ["A", "B", "C", "D", "E"];
    let people: Vec<_> = names.map(|name| person(AIGERIM, name)).to_vec();
    let from = size(&world);
    let words = world.ask(stream(array(&people))).await;
    assert_eq!(words.status, 200);
    let left = |name: &str| format!(r#"{{"family_name":"{name}"}}"#);
    let left = |names: &[&str]| array(&names.iter().map(|name| left(name)).collect::<Vec<_>>());
    assert_eq!(bodies(&world), [left(&["A", "B"]), left(&["C", "D"]), left(&["E"])]);
    assert_eq!(numbers(&world), [(0, false), (1, false), (2, true)]);

    let id = words.headers["otkel-decision"].to_str().unwrap();
    let disclosures = entries(&world, from, "disclosure");
    let received = world.received(GB);
    for (n, (disclosure, received)) in disclosures.iter().zip(&received).enumerate() {
        assert_eq!(disclosure["stream"], json!({"id": id, "n": n}));
        assert_eq!(disclosure["did"], received.header.did.to_string());
        assert_eq!(received.header.stream.unwrap().id.to_string(), id);
        assert_eq!(disclosure["subjects"]["n"], if n == 2 { 1 } else { 2 });
    }
    assert_eq!((disclosures.len(), &disclosures[0]["did"]), (3, &Value::from(id)));
    let outcomes = outcomes(&world, from).await;
    assert_eq!(results(&outcomes), ["delivered"; 3]);
    assert!(outcomes.iter().all(|(_, outcome)| outcome["status"] == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_part_begins_and_ends_with_it() {
    let world = plan().start().await;
    world.send(stream(array(&[person(AIGERIM, "A")]))).await;
    assert_eq!(numbers(&world), [(0, true)]);
    assert_eq!(bodies(&world), [r#"[{"family_name":"A"}]"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_records_is_refused() {
    let world = plan().start().await;
    world.send(stream("[]")).await.is_refused("NO_SUBJECTS");
    let sent = world.send(stream("")).await;
    assert_eq!(sent.is_refused("DOCUMENT_UNPARSABLE").problem()["parts"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_leave_while_the_caller_still_sends() {
    let world = plan_with(1).start().await;
    let mut pour = Pour::begin(&world).await;
    pour.send("[").await;
    for n in 0..5 {
        pour.send(format!("{},", person(DANIYAR, &n.to_string()))).await;
        // One part is always kept back, since it could be the last.
        arrived(&world, n).await;
    }
    pour.send(format!("{}]", person(DANIYAR, "5"))).await;
    assert_eq!(pour.end().await.status, 200);
    assert_eq!(numbers(&world).len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_in_the_middle_stops_what_comes_after_it() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let [a, d] = [person(AIGERIM, "A"), person(DANIYAR, "D")];
    pour.send(format!("[{a},{a},")).await;
    arrived(&world, 1).await;
    world.withdraw(record(2));
    pour.send(format!("{a},{d},{a},{d}]")).await;
    let words = pour.end().await;
    assert_eq!(words.status, 200);
    let bodies = bodies(&world);
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    assert!(bodies[1..].iter().all(|body| body.contains('D')), "{bodies:?}");
    assert_eq!(numbers(&world), [(0, false), (1, false), (2, true)]);
    let refusals = entries(&world, from, "refusal");
    assert!(refusals.iter().all(|refusal| refusal["reason"] == "CONSENT_WITHDRAWN"));
    // A refused part has the number that the next one gets.
    let parts: Vec<_> = refusals.iter().map(|refusal| refusal["stream"]["n"].clone()).collect();
    assert_eq!(parts, [1, 1, 2]);
    assert_eq!(results(&outcomes(&world, from).await), ["delivered"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_part_of_which_nobody_may_go_ends_the_stream_empty() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let people = [person(AIGERIM, "A"), person(NURLAN, "N"), person(YERLAN, "Y")];
    let words = world.ask(stream(array(&people))).await;
    assert_eq!(words.status, 200);
    assert_eq!(bodies(&world), [r#"[{"family_name":"A"}]"#, "[]"]);
    assert_eq!(numbers(&world), [(0, false), (1, true)]);
    let refusals = entries(&world, from, "refusal");
    assert_eq!(refusals.len(), 1);
    assert_eq!(
        (&refusals[0]["reason"], &refusals[0]["stream"]["n"]),
        (&"NO_CONSENT".into(), &1.into())
    );
    let last = &entries(&world, from, "disclosure")[1];
    assert_eq!(last["verdicts"][0]["decision"], "refused");
    assert_eq!(last["verdicts"][0]["reason"], "CONSENT_WITHDRAWN");
    assert_eq!(last["subjects"]["n"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_which_nobody_may_go_is_refused_and_no_request_made() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let words = world.ask(stream(array(&[person(NURLAN, "N"), person(YERLAN, "Y")]))).await;
    let problem = problem(&words);
    assert_eq!((words.status, &problem["code"]), (403, &"CONSENT_WITHDRAWN".into()));
    assert_eq!(problem["parts"], 0);
    assert!(bodies(&world).is_empty());
    let refusals = entries(&world, from, "refusal");
    assert_eq!(refusals.len(), 2);
    assert_eq!(problem["decision"], refusals[1]["did"]);
    assert_eq!(problem["stream"], refusals[0]["did"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_is_decided_by_the_rules_in_force_at_its_record() {
    let world = plan_with(1).start().await;
    let from = size(&world);
    let mut pour = Pour::begin(&world).await;
    let named = format!(r#"{{"iin":"{AIGERIM}","family_name":"A","email":"a@example.kz"}}"#);
    pour.send(format!("[{named},{named},")).await;
    arrived(&world, 1).await;
    world.edit(GB_FILE, "\"$[*].email\" = \"D07\"", "# no address");
    let (status, told) = world.admin("POST", "/rules/reload", "").await;
    assert_eq!((status, &told["changed"]), (200, &true.into()));
    pour.send(format!("{named}]")).await;
    assert_eq!(pour.end().await.status, 200);
    let with = r#"[{"family_name":"A","email":"a@example.kz"}]"#;
    assert_eq!(bodies(&world), [with, r#"[{"family_name":"A"}]"#, r#"[{"family_name":"A"}]"#]);
    let policies: Vec<_> =
        entries(&world, from, "disclosure").iter().map(|e| e["policy"].clone()).collect();
    assert_ne!(policies[0], told["digest"]);
    assert_eq!(policies[1..], [told["digest"].clone(), told["digest"].clone()]);
}
