//! Bodies that come compressed, whole and as a stream.

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::*;

const CODINGS: [&str; 4] = ["br", "deflate", "gzip", "zstd"];

async fn packed(coding: &str, text: &[u8]) -> Vec<u8> {
    async fn all(mut from: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).await.unwrap();
        bytes
    }
    match coding {
        "br" => all(BrotliEncoder::with_quality(text, async_compression::Level::Fastest)).await,
        "deflate" => all(ZlibEncoder::new(text)).await,
        "gzip" => all(GzipEncoder::new(text)).await,
        _ => all(ZstdEncoder::new(text)).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_one_like_any_other() {
    let world = plan().start().await;
    for coding in CODINGS {
        let body = packed(coding, learners(&[AIGERIM]).as_bytes()).await;
        let sent = world.send(enrol(body).header("content-encoding", coding)).await;
        sent.reaches(GB, &surnames(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_stream_is_one_like_any_other() {
    let world = plan().start().await;
    let people = vec![person(AIGERIM, "A"); 1000];
    for (round, coding) in CODINGS.into_iter().enumerate() {
        let body = packed(coding, array(&people).as_bytes()).await;
        let mut pour =
            Pour::begin_with(&world, stream("").header("content-encoding", coding)).await;
        for piece in body.chunks(100) {
            pour.send(piece).await;
        }
        assert_eq!(pour.end().await.status, 200, "{coding}");
        assert_eq!(bodies(&world).len(), (round + 1) * 500, "{coding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coding_that_is_not_read_is_refused_with_those_that_are() {
    let world = plan().start().await;
    for coding in ["compress", "gzip, gzip", "identity", ""] {
        let sent = world.send(enrol(learners(&[AIGERIM])).header("content-encoding", coding)).await;
        sent.is_refused("CONTENT_UNINSPECTABLE").at("`Content-Encoding`");
        assert_eq!(sent.headers["accept-encoding"], "gzip, br, zstd, deflate");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_its_coding_says_is_refused() {
    let world = plan().start().await;
    for coding in CODINGS {
        let body = packed(coding, learners(&[AIGERIM]).as_bytes()).await;
        let cut = &body[..body.len() - 1];
        let longer = [&body[..], b"{}"].concat();
        for bad in [cut, &longer, b"{}"] {
            let sent = world.send(enrol(bad).header("content-encoding", coding)).await;
            sent.is_refused("CONTENT_UNINSPECTABLE");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_refused_whole_and_as_a_stream() {
    let world = plan().limits("inflate_ratio_max = 20\nbody_bytes_max = 2097152").start().await;
    let blanks = vec![b' '; 4 << 20];
    for coding in CODINGS {
        let bomb = packed(coding, &blanks).await;
        let sent = world.send(enrol(&bomb).header("content-encoding", coding)).await;
        sent.is_refused("INFLATED_TOO_LARGE");
        let sent = world.send(stream(&bomb).header("content-encoding", coding)).await;
        sent.is_refused("INFLATED_TOO_LARGE");
    }
}
