//! Transfers under way while other rules come into force.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_is_decided_by_the_rules_in_force_at_its_record() {
    let world = World::plan().own_rules().start().await;
    let (mut wire, rest) = begun(&world).await;
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    let digest = reload(&world).await.1["digest"].clone();
    let sent = world.watch(Box::pin(finished(&mut wire, &rest))).await;
    sent.reaches(GB, &surnames(1));
    assert_eq!(sent.entry()["policy"], digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_on_a_withdrawn_route_is_refused() {
    let world = World::plan().own_rules().start().await;
    let (mut wire, rest) = begun(&world).await;
    fs::remove_file(world.folder().join(GB_FILE)).unwrap();
    let digest = reload(&world).await.1["digest"].clone();
    let sent = world.watch(Box::pin(finished(&mut wire, &rest))).await;
    sent.is_refused("ROUTE_UNKNOWN");
    assert_eq!(sent.entry()["policy"], digest);
    assert_eq!(sent.entry()["caller"], "lms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_of_a_caller_that_lost_the_route_is_refused() {
    let world = World::plan().own_rules().start().await;
    let (mut wire, rest) = begun(&world).await;
    world.edit("gateway.toml", "    \"training-gb.enrol\",\n", "");
    reload(&world).await;
    let sent = world.watch(Box::pin(finished(&mut wire, &rest))).await;
    sent.is_refused("CALLER_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_partner_owes_holds_up_no_reload() {
    let gate = Gate::new();
    let stub = Stub::that(Act::Waits(gate.clone(), WELL));
    let world = Arc::new(World::plan().own_rules().stub(GB, stub).start().await);
    let asking = Arc::clone(&world);
    let asking = tokio::spawn(async move { asking.ask(enrol(NAMED)).await });
    gate.heard().await;
    fs::remove_file(world.folder().join(GB_FILE)).unwrap();
    assert_eq!(reload(&world).await.1["changed"], true);
    gate.open();
    assert_eq!(asking.await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_ledger_every_decision_carries_the_rules_in_force_at_its_place() {
    let world = Arc::new(World::plan().own_rules().start().await);
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let world = Arc::clone(&world);
        senders.spawn(async move {
            for number in 0..40 {
                let ask = if number % 2 == 1 { enrol("{") } else { enrol(NAMED) };
                world.ask(ask).await;
            }
        });
    }
    let mut reloads = 0;
    while !senders.is_empty() {
        let (from, to) = if reloads % 2 == 0 { (GIVEN, GIVEN_OFF) } else { (GIVEN_OFF, GIVEN) };
        world.edit(GB_FILE, from, to);
        assert_eq!(reload(&world).await.1["changed"], true);
        reloads += 1;
        while senders.try_join_next().is_some_and(|ended| ended.is_ok()) {}
    }

    let (mut digests, mut decisions) = (Vec::new(), 0);
    for entry in world.entries(0) {
        match entry["type"].as_str().unwrap() {
            "activation" => digests.push(entry["policy"].clone()),
            "disclosure" | "refusal" => {
                decisions += 1;
                assert_eq!(Some(&entry["policy"]), digests.last(), "{entry:#}");
                if entry["type"] == "disclosure" {
                    let sent = entry["verdicts"][0]["sent"]["D01"].as_array().unwrap().len();
                    assert_eq!(sent, if digests.len() % 2 == 1 { 2 } else { 1 }, "{entry:#}");
                }
            }
            _ => {}
        }
    }
    assert_eq!((digests.len(), decisions), (reloads + 1, 160));
}

/// A transfer whose head was read and whose body has come by half, and the other half.
async fn begun(world: &World) -> (Wire, Vec<u8>) {
    let bytes = enrol(NAMED).header("expect", "100-continue").bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 20);
    let mut wire = Wire::of(world).await;
    wire.write(first).await;
    wire.read_continue().await;
    (wire, rest.to_vec())
}

async fn finished(wire: &mut Wire, rest: &[u8]) -> Words {
    wire.write(rest).await;
    wire.read().await
}
