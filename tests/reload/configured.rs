//! What the configuration keeps of partners and callers, read again with the rules.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_comes_with_what_the_configuration_keeps_of_it() {
    let world = World::plan().own_rules().prepare().await;
    let file = world.folder().join("policies/partners/mailing-de.toml");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let clock = world.clock.clone();
    let world = world.begin(clock).await.unwrap();
    let warned = in_force(&world).await["warnings"].to_string();
    assert!(warned.contains("the rules have no partner `mailing-de`"), "{warned}");
    let ask = || subscribe(subscribers(AIGERIM)).purpose("P10a");
    world.send(ask()).await.is_refused("ROUTE_UNKNOWN");

    fs::write(&file, kept).unwrap();
    world.edit("gateway.toml", "[partner.mailing-de]", "[partner.other]");
    let (status, told) = reload(&world).await;
    assert_eq!(status, 422);
    let told = told["problems"].to_string();
    assert!(told.contains("the partner `mailing-de` of the rules is missing here"), "{told}");
    assert!(told.contains("gateway.toml"), "{told}");

    world.edit("gateway.toml", "[partner.other]", "[partner.mailing-de]");
    assert_eq!(reload(&world).await.0, 200);
    let got = r#"{"subscribers":[{"email":"someone@example.kz"}]}"#;
    world.send(ask()).await.reaches("mailing-de", got);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_lost_a_route_in_the_configuration_loses_it_with_a_reload() {
    let world = World::plan().own_rules().start().await;
    world.edit("gateway.toml", "    \"training-gb.enrol\",\n", "");
    assert_eq!(reload(&world).await.1["changed"], false);
    world.send(enrol(NAMED)).await.is_refused("CALLER_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_again_and_connections_are_kept() {
    let world = World::plan().own_rules().start().await;
    let kid = |sent: &Sent| sent.entry()["payload"]["kid"].clone();
    let first = kid(world.send(enrol(NAMED)).await.reaches(GB, BOTH));
    let ways = async || world.gateway().activation.in_force().now().await;
    let before = ways().await;

    let now = world.clock.now();
    let until = now.plus_millis(3_600_000);
    let (_, key) = keyfile::generate(otkel::envelope::Kem::X25519, now, until).unwrap();
    world.publish(GB, key);
    assert_eq!(reload(&world).await.1["changed"], false);
    let second = world.send(enrol(NAMED)).await;
    assert_ne!(kid(&second), first);

    let certificate = fs::read(world.certificates().join("lms.pem")).unwrap();
    let key = fs::read(world.certificates().join("lms.key")).unwrap();
    for (name, bytes) in [("other.pem", certificate), ("other.key", key)] {
        fs::write(world.folder().join(name), bytes).unwrap();
    }
    shell(&world, "chmod 600 other.key");
    let partner = "[partner.mailing-de]\nca = \"certificates/authority.pem\"\n";
    let ours = "certificate = \"certificates/gateway-client.pem\"\n\
        key = \"certificates/gateway-client.key\"\n";
    let other = "certificate = \"other.pem\"\nkey = \"other.key\"\n";
    world.edit("gateway.toml", &format!("{partner}{ours}"), &format!("{partner}{other}"));
    reload(&world).await;
    let after = ways().await;
    for (key, way) in &before.ways {
        let same = Arc::ptr_eq(&way.upstream, &after.ways[key].upstream);
        assert_eq!(same, key.0.as_str() != "mailing-de", "{key:?}");
    }
}
