use std::collections::VecDeque;
use std::task::{Context, Poll};

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use async_compression::zstd::CParameter;
use hyper::header::HeaderValue;

use super::*;

const CODINGS: [Coding; 4] = [Coding::Brotli, Coding::Deflate, Coding::Gzip, Coding::Zstd];
const MIB: u64 = 1 << 20;

/// A body that comes in these pieces.
struct Pieces(VecDeque<io::Result<Bytes>>);

impl Pieces {
    fn of(bytes: &[u8], step: usize) -> Self {
        Self(bytes.chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.0.pop_front().map(|piece| piece.map(Frame::data)))
    }
}

/// A body of which nothing comes.
struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Pending
    }
}

fn bounds(bytes_max: u64, ratio_max: u64) -> Bounds {
    let idle = Duration::from_secs(20);
    Bounds { bytes_max, ratio_max, idle, until: Instant::now() + 2 * idle }
}

async fn read_all(mut from: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).await.unwrap();
    bytes
}

async fn packed(coding: Coding, text: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Brotli => read_all(BrotliEncoder::with_quality(text, Level::Fastest)).await,
        Coding::Deflate => read_all(ZlibEncoder::new(text)).await,
        Coding::Gzip => read_all(GzipEncoder::new(text)).await,
        Coding::Zstd => read_all(ZstdEncoder::new(text)).await,
    }
}

async fn all(mut source: Source) -> Result<Vec<u8>, Reason> {
    let mut whole = Vec::new();
    while let Some(piece) = source.next().await? {
        assert!(!piece.is_empty());
        whole.extend_from_slice(&piece);
    }
    assert_eq!(source.next().await, Ok(None), "the end stays the end");
    Ok(whole)
}

async fn inflated(coding: Coding, body: &[u8], bounds: Bounds) -> Result<Vec<u8>, Reason> {
    all(Source::new(Pieces::of(body, 10_000), Some(coding), bounds)).await
}

/// Text that does not compress too well.
fn text(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from(state >> 24).unwrap() % 16
    };
    (0..length).map(letter).collect()
}

#[tokio::test]
async fn a_body_comes_out_as_it_went_in_however_it_is_cut() {
    for coding in CODINGS {
        for length in [0, 1, 1000, 100_000] {
            let text = text(length);
            let body = packed(coding, &text).await;
            for step in [1, 7, 4096, usize::MAX] {
                if step == 1 && length > 1000 {
                    continue;
                }
                let source = Source::new(Pieces::of(&body, step), Some(coding), bounds(MIB, 100));
                assert_eq!(all(source).await.as_ref(), Ok(&text), "{coding:?} {length} {step}");
            }
        }
    }
    let plain = Source::new(Pieces::of(b"abc", 2), None, bounds(3, 1));
    assert_eq!(all(plain).await.unwrap(), b"abc");
}

#[tokio::test]
async fn a_body_that_is_cut_changed_or_followed_is_refused() {
    let text = text(2000);
    for coding in CODINGS {
        let body = packed(coding, &text).await;
        for end in 0..body.len() {
            let cut = inflated(coding, &body[..end], bounds(MIB, 100)).await;
            assert_eq!(cut, Err(Reason::ContentUninspectable), "{coding:?} cut at {end}");
        }
        for more in [&b"\0"[..], b"{}", &body] {
            let longer = [&body, more].concat();
            let longer = inflated(coding, &longer, bounds(MIB, 100)).await;
            assert_eq!(longer, Err(Reason::ContentUninspectable), "{coding:?} goes on");
        }
        let other = inflated(coding, b"{\"learners\":[]}", bounds(MIB, 100)).await;
        assert_eq!(other, Err(Reason::ContentUninspectable), "{coding:?}");
    }
    // These two carry checksums: no changed byte can make another text.
    for coding in [Coding::Deflate, Coding::Gzip] {
        let body = packed(coding, &text).await;
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 0x10;
            let came = inflated(coding, &changed, bounds(MIB, 100)).await;
            assert!(came.is_err() || came.as_ref() == Ok(&text), "{coding:?} at {at}");
        }
    }
}

#[tokio::test]
async fn a_coding_must_be_the_one_that_is_named() {
    for named in CODINGS {
        for sent in CODINGS.into_iter().filter(|sent| *sent != named) {
            let body = packed(sent, &text(500)).await;
            let came = inflated(named, &body, bounds(MIB, 100)).await;
            assert_eq!(came, Err(Reason::ContentUninspectable), "{sent:?} as {named:?}");
        }
    }
}

#[tokio::test]
async fn a_bomb_is_stopped_by_its_size_and_by_its_ratio() {
    let zeros = vec![0; 8 << 20];
    for coding in CODINGS {
        let bomb = packed(coding, &zeros).await;
        assert!(bomb.len() < 20_000, "{coding:?} {}", bomb.len());
        let by_size = inflated(coding, &bomb, bounds(4 * MIB, u64::MAX)).await;
        assert_eq!(by_size, Err(Reason::InflatedTooLarge), "{coding:?}");
        let by_ratio = inflated(coding, &bomb, bounds(u64::MAX, 100)).await;
        assert_eq!(by_ratio, Err(Reason::InflatedTooLarge), "{coding:?}");
        let small = packed(coding, &zeros[..1 << 20]).await;
        assert_eq!(inflated(coding, &small, bounds(MIB, 1)).await.map(|b| b.len()), Ok(1 << 20));
        let longer = packed(coding, &zeros[..=1 << 20]).await;
        let longer = inflated(coding, &longer, bounds(MIB, u64::MAX)).await;
        assert_eq!(longer, Err(Reason::InflatedTooLarge), "{coding:?}, one byte too many");
    }
}

/// Never more is held than one piece beyond the limit.
#[tokio::test]
async fn a_bomb_is_stopped_before_it_has_gone_off() {
    for coding in CODINGS {
        let bomb = packed(coding, &vec![0; 8 << 20]).await;
        let mut source =
            Source::new(Pieces::of(&bomb, usize::MAX), Some(coding), bounds(4 * MIB, u64::MAX));
        let mut given = 0;
        while let Ok(piece) = source.next().await {
            given += piece.unwrap().len();
        }
        assert_eq!(given, 4 << 20, "{coding:?}");
    }
}

#[tokio::test]
async fn windows_beyond_what_is_usual_are_refused() {
    // A frame header of Zstandard (RFC 8878 section 3.1.1): no checksum, a window of 2^log bytes.
    let frame = |log: u8| [&[0x28, 0xB5, 0x2F, 0xFD, 0, (log - 10) << 3, 1, 0, 0][..]].concat();
    assert_eq!(inflated(Coding::Zstd, &frame(23), bounds(MIB, 100)).await, Ok(Vec::new()));
    for log in 24..=31 {
        let came = inflated(Coding::Zstd, &frame(log), bounds(MIB, 100)).await;
        assert_eq!(came, Err(Reason::ContentUninspectable), "2^{log} bytes");
    }
    let text = text(100_000);
    let long = [CParameter::window_log(25), CParameter::enable_long_distance_matching(true)];
    let encoder = ZstdEncoder::with_quality_and_params(&text[..], Level::Default, &long);
    let came = inflated(Coding::Zstd, &read_all(encoder).await, bounds(MIB, 100)).await;
    assert_eq!(came, Err(Reason::ContentUninspectable));
    // Large-window Brotli: 30 or 16 bits, then an empty last metablock. The decoder takes both.
    for large in [[0x11, 0x1E | 0xC0], [0x11, 0x10 | 0xC0]] {
        let came = inflated(Coding::Brotli, &large, bounds(MIB, 100)).await;
        assert_eq!(came, Err(Reason::ContentUninspectable), "{large:?}");
    }
}

#[tokio::test]
async fn what_the_caller_itself_does_is_told_from_what_its_coding_does() {
    for coding in CODINGS.map(Some).into_iter().chain([None]) {
        let body = match coding {
            Some(coding) => packed(coding, &text(1000)).await,
            None => text(1000),
        };
        let mut cut = Pieces::of(&body[..300], 100);
        cut.0.push_back(Err(io::ErrorKind::BrokenPipe.into()));
        let came = all(Source::new(cut, coding, bounds(MIB, 100))).await;
        assert_eq!(came, Err(Reason::BodyIncomplete), "{coding:?}");
        let came = all(Source::new(Pieces::of(&body, 100), coding, bounds(299, 100))).await;
        assert_eq!(came, Err(Reason::BodyTooLarge), "{coding:?}");
        let at_once = Bounds { idle: Duration::ZERO, ..bounds(MIB, 100) };
        let came = all(Source::new(Silent, coding, at_once)).await;
        assert_eq!(came, Err(Reason::BodyTooSlow), "{coding:?}");
        let ended = Bounds { until: Instant::now(), ..bounds(MIB, 100) };
        let came = all(Source::new(Silent, coding, ended)).await;
        assert_eq!(came, Err(Reason::BodyTooSlow), "{coding:?}");
    }
}

#[test]
fn one_coding_is_named_or_none_is_read() {
    let named = |values: &[&'static str]| {
        let values: Vec<_> = values.iter().map(|text| HeaderValue::from_static(text)).collect();
        Coding::named(&values)
    };
    assert_eq!(named(&["gzip"]), Ok(Coding::Gzip));
    assert_eq!(named(&["GZip"]), Ok(Coding::Gzip));
    let all: Vec<_> =
        ACCEPTED.split(", ").map(|name| Coding::named(&[HeaderValue::from_static(name)])).collect();
    assert_eq!(all.len(), CODINGS.len());
    assert!(CODINGS.iter().all(|coding| all.contains(&Ok(*coding))));
    let bad: [&[&str]; 8] = [
        &[],
        &[""],
        &["identity"],
        &["x-gzip"],
        &["gzip, br"],
        &["gzip", "gzip"],
        &["compress"],
        &["gzip;q=1"],
    ];
    for bad in bad {
        assert_eq!(named(bad), Err(BadCoding), "{bad:?}");
    }
}
