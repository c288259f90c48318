//! Sets that do not come into force: the rules before stay.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_keeps_the_rules_before_and_says_where() {
    let world = World::plan().own_rules().start().await;
    let (before, from) = (in_force(&world).await, world.gateway().reader.size());
    world.edit(GB_FILE, "on_refused = \"drop\"", "on_refused = \"dorp\"");
    world.edit("policies/register.toml", "[controller]", "[controler]");
    let (status, told) = reload(&world).await;
    assert_eq!(status, 422);
    let places: Vec<&Value> =
        told["problems"].as_array().unwrap().iter().map(|problem| &problem["file"]).collect();
    assert!(places.contains(&&json!("partners/training-gb.toml")), "{told:#}");
    assert!(places.contains(&&json!("register.toml")), "all at once: {told:#}");
    let dorp = |problem: &&Value| problem["message"].as_str().unwrap().contains("dorp");
    let problem = told["problems"].as_array().unwrap().iter().find(dorp).unwrap();
    assert!(problem["line"].as_u64() > Some(1) && problem["help"].is_string(), "{problem}");

    let [entry] = world.entries(from).try_into().unwrap();
    assert_eq!((&entry["act"], &entry["by"]), (&json!("rules-refused"), &json!("officer")));
    let now = in_force(&world).await;
    assert_eq!((&now["digest"], &now["entry"]), (&before["digest"], &before["entry"]));
    assert_eq!(now["refused"]["problems"], told["problems"]);
    let sent = world.send(enrol(NAMED)).await;
    sent.reaches(GB, BOTH);
    assert_eq!(sent.entry()["policy"], before["digest"]);

    world.edit(GB_FILE, "\"dorp\"", "\"drop\"");
    world.edit("policies/register.toml", "[controler]", "[controller]");
    assert_eq!(reload(&world).await.1["changed"], false);
    assert_eq!(in_force(&world).await["refused"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_keeps_the_rules_before() {
    let world = World::plan().own_rules().start().await;
    let folder = world.folder();
    fs::rename(folder.join("policies"), folder.join("away")).unwrap();
    let (status, told) = reload(&world).await;
    let message = told["problems"][0]["message"].as_str().unwrap();
    assert!(status == 422 && message.contains("cannot be read"), "{told}");
    world.send(enrol(NAMED)).await.reaches(GB, BOTH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_does_not_come_into_force_where_it_is_forbidden() {
    let forbidden = "report_mode = \"forbidden\"\n";
    let world = World::plan().own_rules().configure(forbidden).start().await;
    let on_trial = "[route.candidate]\nuntil = 2026-12-31\nrequired = []\n[route.fields]";
    world.edit(GB_FILE, "[route.fields]", on_trial);
    let (status, told) = reload(&world).await;
    let problem = &told["problems"][0];
    assert_eq!((status, &problem["file"]), (422, &json!("partners/training-gb.toml")), "{told:#}");
    let words = "the route `training-gb.enrol` tries a candidate, which is forbidden here";
    assert_eq!(problem["message"], words);
    let text = fs::read_to_string(world.folder().join(GB_FILE)).unwrap();
    let line = usize::try_from(problem["line"].as_u64().unwrap()).unwrap();
    assert_eq!(text.lines().nth(line - 1), Some("[[route]]"));

    world.edit(GB_FILE, "until = 2026-12-31\nrequired", "until = 2026-11-01\nrequired");
    let (status, told) = reload(&world).await;
    assert_eq!((status, &told["changed"]), (200, &json!(true)), "its trial is over: {told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_keeps_a_gateway_from_its_start_where_it_is_forbidden() {
    let on_trial = "[route.candidate]\nuntil = 2026-12-31\nrequired = []\n[route.fields]";
    let file = "partners/training-gb.toml";
    let plan = || World::plan().own_rules().rule(file, "[route.fields]", on_trial);
    let Err(why) = plan().configure("report_mode = \"forbidden\"\n").try_start().await else {
        panic!("it starts")
    };
    assert!(why.to_string().contains("tries a candidate"), "{why}");
    plan().start().await;
}
