//! Decisions made again by rules that treat values otherwise.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn another_treatment_lets_more_or_less_out() {
    let email = "\"$.learners[*].email\" = \"D07\"";
    let treated = |how: &str| format!("\"$.learners[*].email\" = {{ category = \"D07\", {how} }}");
    let masked = treated("mask = { last = 4 }");
    let world = World::plan().own_rules().rule(GB, email, &masked).start().await;
    let learner = json!({"iin": AIGERIM, "family_name": "Тест", "email": "a@example.kz"});
    world.send(enrol(json!({"learners": [learner]}).to_string())).await;
    for (how, way) in [
        (email.to_owned(), Way::Wider),
        (treated("mask = { last = 2 }"), Way::Narrower),
        (treated("encrypt = \"partner\""), Way::Both),
    ] {
        let (_, made) = remade(&world, &edited(&world, &[(GB, &masked, &how)]));
        let difference = differs(&made[0]);
        assert_eq!((difference.way(), difference.after), (way, Whole::Sent), "{how}");
        let change = difference.groups[0].fields.first().unwrap();
        let how = change.treatments.as_ref().unwrap();
        assert_eq!(
            (change.field.as_str(), how.before.as_str()),
            ("$.learners[*].email", "mask = { first = 0, last = 4 }",)
        );
    }
    let (totals, _) = remade(&world, &edited(&world, &[]));
    assert_eq!((totals.decisions, totals.same), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_value_stopped_is_not_guessed() {
    let name = "\"$.learners[*].family_name\" = \"D01\"";
    let treated =
        |how: &str| format!("\n\"$.learners[*].family_name\" = {{ category = \"D01\", {how} }}");
    let (name, year) = (format!("\n{name}"), treated("generalise = { date = \"year\" }"));
    let world = World::plan().own_rules().rule(GB, &name, &year).start().await;
    world.send(enrol(learners(&[AIGERIM]))).await.is_refused("TREATMENT_IMPOSSIBLE");
    let (totals, _) = remade(&world, &edited(&world, &[]));
    assert_eq!((totals.decisions, totals.same), (1, 1), "by the same rules it stays");
    let (_, made) = remade(&world, &edited(&world, &[(GB, &year, &name)]));
    assert_eq!(made[0].1, Compared::Untold(Untold::Values));
    // Nor is it known whether a value that left can be treated.
    let world = World::plan().own_rules().start().await;
    world.send(enrol(learners(&[AIGERIM]))).await;
    let (_, made) = remade(&world, &edited(&world, &[(GB, &name, &year)]));
    assert_eq!(made[0].1, Compared::Untold(Untold::Values));
}
