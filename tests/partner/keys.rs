//! Keys that replace one another: the partner's own, and those that gateways sign with.

use std::fs;

use otkel::envelope::Kem;
use otkel::envelope::key::{KeyList, ListedKey};
use otkel::signing::Sign as _;
use otkel::signing::list::{Listed, SigningList};
use otkel::time::{Clock as _, Timestamp};

use crate::letter::{GATEWAY, IDENTITY, Letter, PARTNER, Post, SIGNER, secret, signer};
use crate::world::{World, gateway, write, write_secret};

/// Changes the configuration and has it taken up.
async fn reload(world: &mut World, from: &str, to: &str) -> Result<(), String> {
    let path = world.folder.join("partner.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replace(from, to)).unwrap();
    world.partner.reload().await.map_err(|why| why.to_string())
}

fn sealed_to(world: &World, seed: u8) -> Post {
    let mut letter = world.letter("{}");
    letter.to = vec![(Kem::X25519, seed)];
    letter.post()
}

fn signed_by(world: &World, seed: u8) -> Post {
    let mut letter = world.letter("{}");
    letter.sent.signer = Some(seed);
    letter.post()
}

#[tokio::test]
async fn an_old_key_and_a_new_one_are_taken_side_by_side() {
    let mut world = World::new().await;
    world.refuses(&sealed_to(&world, 10), 422, "unknown-kid").await;
    write_secret(&world.folder, Kem::X25519, 10);
    reload(&mut world, "[\"9.key\"]", "[\"9.key\", \"10.key\"]").await.unwrap();
    for seed in [9, 10] {
        assert_eq!(world.way.send(&sealed_to(&world, seed)).await.status, 201);
    }
    reload(&mut world, "[\"9.key\", \"10.key\"]", "[\"10.key\"]").await.unwrap();
    world.refuses(&sealed_to(&world, 9), 422, "unknown-kid").await;
    assert_eq!(world.way.send(&sealed_to(&world, 10)).await.status, 201);
}

#[tokio::test]
async fn a_configuration_that_does_not_load_changes_nothing() {
    let mut world = World::new().await;
    for (to, why) in [
        ("[\"11.key\"]", "11.key"),
        ("[]", "no key can be sealed to"),
        ("[\"9.key\"]\nlost = 1", "unknown key `lost`"),
    ] {
        let failed = reload(&mut world, "[\"9.key\"]", to).await.unwrap_err();
        assert!(failed.contains(why), "{failed}");
        world.takes().await;
        let path = world.folder.join("partner.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(to, "[\"9.key\"]")).unwrap();
    }
    world.partner.reload().await.unwrap();
}

fn list(seq: u64, by: u8, keys: &[(u8, Timestamp, Timestamp)]) -> String {
    let keys =
        keys.iter().map(|(seed, from, until)| Listed::new(signer(*seed).key(), *from, *until));
    let list = SigningList { v: 1, iss: GATEWAY.into(), seq, keys: keys.collect() };
    list.sign(&signer(by)).unwrap()
}

#[tokio::test]
async fn signing_keys_are_announced_overlap_and_expire() {
    let at = |seconds: i64| Timestamp::from_seconds(1_795_356_000 + seconds).unwrap();
    let old = (SIGNER, at(-1000), at(2000));
    let new = (23, at(1000), at(9000));
    let keys = format!("list = \"signing.jws\"\nkeys = [\"{}\"]", signer(SIGNER).key());
    let pinned = gateway(&format!("keys = [\"{}\"]", signer(SIGNER).key()));
    let mut world = World::with(&pinned).await;
    write(&world.folder, "signing.jws", &list(1, SIGNER, &[old]));
    let from = format!("keys = [\"{}\"]", signer(SIGNER).key());
    reload(&mut world, &from, &keys).await.unwrap();
    world.takes().await;
    world.refuses(&signed_by(&world, 23), 403, "bad-signature").await;

    write(&world.folder, "signing.jws", &list(2, SIGNER, &[old, new]));
    world.partner.reload().await.unwrap();
    world.takes().await;
    world.refuses(&signed_by(&world, 23), 403, "bad-signature").await;
    world.clock.move_by(1500);
    world.takes().await;
    assert_eq!(world.way.send(&signed_by(&world, 23)).await.status, 201);
    world.clock.move_by(1000);
    world.refuses(&signed_by(&world, SIGNER), 403, "bad-signature").await;
    assert_eq!(world.way.send(&signed_by(&world, 23)).await.status, 201);

    // The new key signs the next list, though the configuration still names the old one alone.
    let third = (24, at(2000), at(9000));
    write(&world.folder, "signing.jws", &list(3, 23, &[new, third]));
    world.partner.reload().await.unwrap();
    let mut world = world.restarted().await;
    assert_eq!(world.way.send(&signed_by(&world, 24)).await.status, 201);

    for (wrong, why) in [
        (list(2, SIGNER, &[old, new]), "a list with the number 3 was seen before"),
        (list(3, 23, &[new]), "another list with the same number"),
        (list(4, 50, &[(50, at(0), at(9000))]), "signed by a key that is not known"),
    ] {
        write(&world.folder, "signing.jws", &wrong);
        let failed = world.partner.reload().await.unwrap_err().to_string();
        assert!(failed.contains(why), "{failed}");
        assert_eq!(world.way.send(&signed_by(&world, 24)).await.status, 201);
    }
}

#[tokio::test]
async fn the_list_of_keys_is_told_as_it_was_signed() {
    let mut world = World::new().await;
    let ask = Post {
        method: "GET".into(),
        path: "/.well-known/otkel/keys".into(),
        fields: Vec::new(),
        body: Vec::new(),
        ..world.letter("").post()
    };
    assert_eq!(world.way.send(&ask).await.status, 404);
    let now = world.clock.now();
    let entry = |seed| ListedKey::of(&secret(Kem::X25519, seed), now, now.plus_millis(1000));
    let list = |seeds: &[u8], by: u8| {
        let keys = seeds.iter().map(|seed| entry(*seed)).collect();
        KeyList { v: 1, iss: PARTNER.into(), seq: 4, keys }.sign(&signer(by)).unwrap()
    };
    write(&world.folder, "keys.jws", &list(&[9], IDENTITY));
    let with = "[\"9.key\"]\nlist = \"keys.jws\"";
    reload(&mut world, "[\"9.key\"]", with).await.unwrap();
    let told = world.way.send(&ask).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.body, list(&[9], IDENTITY).into_bytes());
    assert_eq!(told.field("content-type"), Some("application/jose"));

    for (wrong, why) in [
        (list(&[9, 10], IDENTITY), secret(Kem::X25519, 10).kid().to_owned()),
        (list(&[9], 50), "not known here".to_owned()),
    ] {
        write(&world.folder, "keys.jws", &wrong);
        let failed = world.partner.reload().await.unwrap_err().to_string();
        assert!(failed.contains(&why), "{failed}");
    }
    let again = world.way.send(&ask).await;
    assert_eq!(String::from_utf8(again.body).unwrap(), list(&[9], IDENTITY));
    assert!(world.app.asked().is_empty());
    let letter: Letter = world.letter("{}");
    assert_eq!(world.send(&letter).await.status, 201);
}
