//! Bodies that are filled up to hide their length.

use super::*;

pub(super) fn add(made: &mut Made) {
    let ends_like_padding = [b"{}", &[0x80, 0, 0x80, 0, 0][..]].concat();
    let zeros = vec![0; 40];
    let long = [&[0x80][..], &vec![0; 2 * CHUNK], b"}"].concat();
    for (name, body, padding, length) in [
        ("padded-empty", &b""[..], Padding::Multiple(4096), 4096),
        ("padded-to-4096", &pattern(100), Padding::Multiple(4096), 4096),
        ("padded-by-one-byte", &pattern(4095), Padding::Multiple(4096), 4096),
        ("padded-by-a-whole-block", &pattern(4096), Padding::Multiple(4096), 8192),
        ("padded-to-a-chunk", &pattern(100), Padding::Multiple(16384), CHUNK),
        ("padded-over-three-chunks", &pattern(100), Padding::Multiple(40000), 40000),
        ("padded-marker-begins-a-chunk", &pattern(CHUNK), Padding::Multiple(1000), 17000),
        ("padme", &pattern(20_000), Padding::Padme, 20_480),
        ("padme-small", &pattern(8), Padding::Padme, 10),
        ("padme-ends-like-padding", &ends_like_padding, Padding::Padme, 8),
        ("padme-zeros", &zeros, Padding::Padme, 44),
        ("padme-long-like-padding", &long, Padding::Padme, 32_768 + 2048),
    ] {
        let envelope = sealed(&prefix(Mode::Direct), Text::new(body, Some(padding)));
        let chunks = length / CHUNK + 1;
        assert_eq!(
            envelope.len(),
            prefix(Mode::Direct).len() + 32 + length + chunks * TAG,
            "{name}"
        );
        made.opens(&format!("{name}.otk1"), envelope, OURS, body);
    }
    let body = pattern(100);
    let header = Header { pad: true, ..modes::header_for(&[OURS, SECOND]) };
    let wrapped = modes::seal_wrapped(&header, &body, &[OURS, SECOND]);
    made.opens("padme-wrapped.otk1", wrapped, OURS, &body);
    let text = Text::new(&body, Some(Padding::Multiple(512)));
    let kept = modes::seal_kept(&prefix(Mode::Kept), text, OURS);
    made.opens("padded-kept.otk1", kept, OURS, &body);

    // The header says that there is padding, and there is none, or it does not begin as it must.
    for (name, text) in [
        ("pad-nothing", &b""[..]),
        ("pad-only-zeros", &[0; 16]),
        ("pad-another-marker", b"{}\x81\0\0"),
        ("pad-no-marker", b"{}"),
        ("pad-after-zeros", b"{}\x80\0\0\x01"),
    ] {
        let envelope = sealed(&prefix(Mode::Direct), Text::new(text, None));
        made.refuses(name, envelope, OURS, "Pad");
    }
    let zeros = oracle::direct(&prefix(Mode::Direct), &[&[0; CHUNK], &[0; 5]], OURS);
    made.refuses("pad-zeros-over-two-chunks", zeros, OURS, "Pad");
}

fn prefix(mode: Mode) -> Vec<u8> {
    format::prefix(mode, &Header { pad: true, ..header(OURS) }).unwrap()
}

fn sealed(prefix: &[u8], text: Text<'_>) -> Vec<u8> {
    stream::seal(prefix, text, &To::Direct(&public(OURS)), &mut Fixed).unwrap()
}
