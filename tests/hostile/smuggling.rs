//! Requests that two programs could read as different requests.

use otkel::proxy::front::{BodyFault, HeadFault};

use crate::world::{World, bare};

/// Whether hyper alone would carry the request, which is the harm that the front prevents.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Alone {
    Carries,
    Refuses,
}

const HEADS: &[(&str, HeadFault, Alone)] = {
    use Alone::{Carries, Refuses};
    use HeadFault::{
        BareCarriageReturn, BareLineFeed, BothLengths, CodingList, ConnectionOption, Expectation,
        HostAbsent, HostForm, HostRepeated, LengthForm, LengthRepeated, Method, ObsFold,
        RequestLine, SpaceBeforeColon, TargetCharacter, TargetForm, TargetSegment, Upgrade,
        Version,
    };
    &[
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            BothLengths,
            Carries,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
             Content-Length: 3\r\n\r\n0\r\n\r\n",
            BothLengths,
            Carries,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            LengthRepeated,
            Carries,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            LengthRepeated,
            Refuses,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", LengthForm, Refuses),
        ("GET / HTTP/1.1\nHost: a\n\n", BareLineFeed, Carries),
        ("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", BareLineFeed, Carries),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n", BareCarriageReturn, Refuses),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", ObsFold, Refuses),
        ("GET / HTTP/1.1\r\n\r\n", HostAbsent, Carries),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HostRepeated, Carries),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HostForm, Carries),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HostForm, Carries),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            CodingList,
            Carries,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            CodingList,
            Carries,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", CodingList, Refuses),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            SpaceBeforeColon,
            Refuses,
        ),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", Version, Carries),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm, Carries),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm, Carries),
        ("CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", Method, Carries),
        ("GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", TargetSegment, Carries),
        ("GET /a//b HTTP/1.1\r\nHost: a\r\n\r\n", TargetSegment, Carries),
        ("GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", TargetCharacter, Carries),
        ("GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", TargetCharacter, Carries),
        ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", TargetCharacter, Carries),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm, Carries),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            Upgrade,
            Carries,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-secret\r\n\r\n",
            ConnectionOption,
            Carries,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\nx",
            Expectation,
            Carries,
        ),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", RequestLine, Carries),
    ]
};

#[tokio::test]
async fn an_ambiguous_head_is_answered_with_its_fault() {
    let world = World::new().await;
    for (head, fault, alone) in HEADS {
        let harm =
            if bare(head.as_bytes()).await.is_empty() { Alone::Refuses } else { Alone::Carries };
        assert_eq!(harm, *alone, "hyper alone: {head:?}");

        let before = world.service.calls().len();
        let mut client = world.connect("http/1.1").await;
        client.send(head.as_bytes()).await;
        let answer = client.rest().await;
        let status = format!("HTTP/1.1 {} ", fault.status().as_str());
        assert!(answer.starts_with(&status), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head:?}: {answer}");
        let calls = world.service.calls();
        assert_eq!(calls.len(), before + 1, "{head:?}");
        assert_eq!(calls[before].fault, Some(*fault), "{head:?}");
    }
}

const BODIES: &[(&str, BodyFault, Alone)] = {
    use Alone::{Carries, Refuses};
    use BodyFault::{ChunkEnd, ChunkExtension, ChunkSize, Trailer};
    &[
        ("1;x=y\r\na\r\n0\r\n\r\n", ChunkExtension, Carries),
        ("1 \r\na\r\n0\r\n\r\n", ChunkExtension, Carries),
        ("0000000001\r\na\r\n0\r\n\r\n", ChunkSize, Carries),
        ("0\r\nHost: b\r\n\r\n", Trailer, Carries),
        ("0\r\nContent-Length: 9\r\n\r\n", Trailer, Carries),
        ("0x1\r\na\r\n0\r\n\r\n", ChunkSize, Refuses),
        ("1\na\r\n0\r\n\r\n", ChunkSize, Refuses),
        ("1\r\nab\r\n0\r\n\r\n", ChunkEnd, Refuses),
        ("2\r\na\r\n0\r\n\r\n", ChunkEnd, Refuses),
        ("ffffffffffffffff1\r\n", ChunkSize, Refuses),
    ]
};

#[tokio::test]
async fn odd_chunks_end_a_body_in_an_error_and_not_early() {
    let world = World::new().await;
    for (body, fault, alone) in BODIES {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let calls = bare(request.as_bytes()).await;
        let harm = if calls[0].body.is_ok() { Alone::Carries } else { Alone::Refuses };
        assert_eq!(harm, *alone, "hyper alone: {body:?}");

        let mut client = world.connect("http/1.1").await;
        client.send(request.as_bytes()).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 400 "), "{body:?}");
        let calls = world.service.calls();
        assert_eq!(calls.last().unwrap().body, Err(Some(*fault)), "{body:?}");
    }
}

#[tokio::test]
async fn a_bad_request_behind_a_good_one_does_not_spoil_it() {
    let world = World::new().await;
    let mut client = world.connect("http/1.1").await;
    client
        .send(
            b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
              GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n\
              GET /c HTTP/1.1\r\nHost: a\r\n\r\n",
        )
        .await;
    let answers = client.rest().await;
    assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
    assert!(answers.contains("answerHTTP/1.1 400 Bad Request\r\n"), "{answers}");
    let calls = world.service.calls();
    assert_eq!(calls.len(), 2, "nothing after the bad request is read");
    assert_eq!((calls[0].line.as_str(), calls[0].fault), ("POST /slow", None));
    assert_eq!(calls[0].body, Ok(5));
    assert_eq!(calls[1].fault, Some(HeadFault::HostRepeated));
}

/// Closing on unread bytes resets a connection and destroys the answer on its way.
#[tokio::test]
async fn a_refused_caller_that_is_still_sending_gets_its_answer() {
    let world = World::new().await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"POST //a HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n").await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    client.send(&vec![b'x'; 500_000]).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

#[tokio::test]
async fn ordinary_requests_pass_one_after_the_other() {
    let world = World::new().await;
    let mut client = world.connect("http/1.1").await;
    let requests: [(&[u8], &str, usize); 5] = [
        (b"GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a", 0),
        (b"POST /b HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc", "POST /b", 3),
        (
            b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
           1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            "PUT /c",
            3,
        ),
        (b"DELETE /d HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", "DELETE /d", 0),
        (b"GET /e HTTP/1.1\r\nHost: a\r\nX-Text: \xd0\xb0\r\n\r\n", "GET /e", 0),
    ];
    for (request, line, length) in requests {
        client.send(request).await;
        assert!(client.some().await.starts_with("HTTP/1.1 200 OK\r\n"), "{line}");
        let call = world.service.calls().pop().unwrap();
        assert_eq!((call.line.as_str(), call.fault, call.body), (line, None, Ok(length)));
    }
    client
        .send(b"POST /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        .await;
    assert_eq!(client.some().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"x").await;
    assert!(client.some().await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_large_body_passes_whole_in_pieces_of_any_size() {
    let world = World::new().await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n").await;
    for _ in 0..30 {
        client.send(&vec![b'x'; 100_000]).await;
    }
    assert!(client.some().await.starts_with("HTTP/1.1 200 OK\r\n"));
    client.send(b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for size in [1, 15, 16_384, 70_000, 2] {
        client.send(format!("{size:X}\r\n{}\r\n", "y".repeat(size)).as_bytes()).await;
    }
    client.send(b"0\r\n\r\n").await;
    assert!(client.some().await.starts_with("HTTP/1.1 200 OK\r\n"));
    let lengths: Vec<_> = world.service.calls().iter().map(|call| call.body).collect();
    assert_eq!(lengths, [Ok(3_000_000), Ok(86_402)]);
}

#[tokio::test]
async fn a_caller_may_close_its_half_after_the_request() {
    use tokio::io::AsyncWriteExt as _;
    let world = World::new().await;
    let mut client = world.connect("http/1.1").await;
    client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.0.shutdown().await.unwrap();
    assert!(client.rest().await.starts_with("HTTP/1.1 200 OK\r\n"));
}
