//! A request inside of an envelope cannot speak for the proxy, nor of its own framing.

use otkel::envelope::request::Request as Inner;

use crate::letter::{HOST, Post};
use crate::world::World;

fn inner() -> Inner {
    Inner {
        method: "POST".into(),
        authority: HOST.into(),
        target: "/v1/learners".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{}".to_vec(),
    }
}

fn carried(world: &World, inner: &Inner) -> Post {
    let mut letter = world.letter("");
    letter.header.cty = "message/bhttp".into();
    letter.text = inner.encode();
    letter.post()
}

#[tokio::test]
async fn no_field_of_the_proxy_or_of_the_connection_comes_from_inside() {
    let world = World::new().await;
    for name in [
        "otkel-id",
        "otkel-purpose",
        "otkel-expires",
        "otkel-onward",
        "otkel-gateway",
        "otkel-stream",
        "otkel-anything",
        // Many servers hand both to programs as HTTP_OTKEL_ID.
        "otkel_id",
        "otkel.id",
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "signature",
        "signature-input",
        "content-digest",
    ] {
        let mut inner = inner();
        inner.headers.push((name.into(), "7".into()));
        world.refuses(&carried(&world, &inner), 422, "bad-inner-request").await;
    }
    let good = world.way.send(&carried(&world, &inner())).await;
    assert_eq!(good.status, 201);
}

#[tokio::test]
async fn no_other_host_target_or_method_comes_from_inside() {
    let world = World::new().await;
    let with = |change: fn(&mut Inner)| {
        let mut inner = inner();
        change(&mut inner);
        carried(&world, &inner)
    };
    for post in [
        with(|inner| inner.authority = "api.other.example".into()),
        with(|inner| inner.authority.clear()),
        with(|inner| inner.authority += ":8443"),
        with(|inner| inner.target = "/v1/../admin".into()),
        with(|inner| inner.target = "//other".into()),
        with(|inner| inner.target = "/a b".into()),
        with(|inner| inner.target = "/%2e%2e/admin".into()),
        with(|inner| inner.method = "CONNECT".into()),
        with(|inner| inner.method = "TRACE".into()),
        with(|inner| inner.method = "GET /x HTTP/1.1".into()),
    ] {
        world.refuses(&post, 422, "bad-inner-request").await;
    }
    // A body is as long as it is; what it looks like does not matter.
    let smuggled = b"0\r\n\r\nGET /admin HTTP/1.1\r\nhost: a\r\n\r\n".to_vec();
    let post = carried(&world, &Inner { body: smuggled.clone(), ..inner() });
    assert_eq!(world.way.send(&post).await.status, 201);
    let asked = world.app.asked();
    assert_eq!((asked.len(), asked[0].body.clone()), (1, Ok(smuggled)));
}
