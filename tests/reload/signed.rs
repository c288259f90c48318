//! Sets that need the signatures of two officers.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_needs_two_signatures_does_not_start_without_them() {
    let world = signed_by_two().prepare().await;
    let clock = world.clock.clone();
    let Err(why) = world.begin(clock).await else { panic!("it starts unsigned") };
    assert!(why.to_string().contains("2 officers must sign the rules and 0 did"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_sign_and_a_third_activates() {
    let world = signed_by_two().prepare().await;
    sign(&world, "aigul");
    sign(&world, "daniyar");
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();
    assert_eq!(activation(&world)["signed_by"], json!(["aigul", "daniyar"]));

    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    let refused = async |words: &str| {
        let (status, told) = reload(&world).await;
        let problems = told["problems"].to_string();
        assert!(status == 422 && problems.contains(words), "{words}: {told:#}");
        assert_eq!(world.entries(0).last().unwrap()["act"], "rules-refused");
        world.send(enrol(NAMED)).await.reaches(GB, BOTH);
    };
    refused("the signature is not by `aigul` for the digest").await;
    fs::remove_dir_all(world.folder().join("policies/signatures")).unwrap();
    refused("2 officers must sign the rules and 0 did").await;
    sign(&world, "daniyar");
    refused("2 officers must sign the rules and 1 did").await;
    shell(&world, "cp policies/signatures/daniyar.sig policies/signatures/aigul.sig");
    refused("the signature is not by `aigul`").await;
    shell(&world, "mv policies/signatures/aigul.sig policies/signatures/other.sig");
    refused("the configuration has no officer `other` with a key").await;
    shell(&world, "mv policies/signatures/other.sig policies/signatures/officer.sig");
    refused("the configuration has no officer `officer` with a key").await;
    fs::remove_file(world.folder().join("policies/signatures/officer.sig")).unwrap();

    sign(&world, "aigul");
    assert_eq!(reload(&world).await.0, 200);
    let entry = activation(&world);
    assert_eq!(entry["signed_by"], json!(["aigul", "daniyar"]));
    assert_eq!(
        (&entry["by"], &in_force(&world).await["signed_by"]),
        (&json!("officer"), &entry["signed_by"])
    );
    let told = String::from_utf8(world.otkel(&["rules", "history"]).stdout).unwrap();
    assert_eq!(told.matches("  signed by aigul, daniyar\n").count(), 2, "{told}");
    world.send(enrol(NAMED)).await.reaches(GB, &surnames(1));
    assert_eq!(world.otkel(&["verify"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signature_activates_a_set_that_is_watched() {
    let world = signed_by_two().edit("watch = false", "watch = true").prepare().await;
    sign(&world, "aigul");
    sign(&world, "daniyar");
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();
    world.edit(GB_FILE, GIVEN, GIVEN_OFF);
    sign(&world, "aigul");
    until(&world, |rules| rules["refused"]["by"] == "file-change").await;
    sign(&world, "daniyar");
    until(&world, |rules| rules["by"] == "file-change").await;
}

/// A world whose rules need the signatures of two officers, who have their keys in its folder.
pub(super) fn signed_by_two() -> Plan {
    let officer = |name: &str| {
        let pem = ed25519_pem().unwrap();
        let public = OfficerSecret::from_pem(&pem).unwrap().public();
        let table = format!(
            "[[admin.officer]]\nname = \"{name}\"\ntoken_file = \"keys/officer.token\"\n\
             public_key = \"{public}\"\n"
        );
        (format!("keys/{name}.key"), pem, table)
    };
    let mut plan = World::plan().own_rules().configure("signatures = 2\n");
    for (file, pem, table) in ["aigul", "daniyar"].map(officer) {
        plan = plan.secret(&file, &pem).configure(&table);
    }
    plan
}

/// An officer signs the rules in the folder.
pub(super) fn sign(world: &World, officer: &str) {
    let key = format!("keys/{officer}.key");
    let program = env!("CARGO_BIN_EXE_otkel");
    shell(world, &format!("{program} rules sign policies --officer {officer} --key {key} >signed"));
}
