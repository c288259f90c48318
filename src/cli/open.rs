//! `otkel open`.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use sha2::{Digest as _, Sha256};

use serde_json::Value;

use super::{Outcome, WRONG};
use crate::envelope::frames::{self, BadStream, Sequence};
use crate::envelope::request::{self, Request};
use crate::envelope::{self, BadEnvelope, Header, RecipientSecret};
use crate::keyfile;
use crate::signing::request::part;
use crate::signing::{SIGNATURE, VerifyKey};

/// The arguments of `otkel open`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The private key of the partner, or of its recipient. May be given more than once, as long
    /// as old and new keys overlap.
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// Refuse an envelope whose header says otherwise: `--expect p=/v1/enrolments --expect m=POST`.
    /// An envelope can be sent again to another path; only who knows the request can tell.
    #[arg(long, value_name = "MEMBER=VALUE", value_parser = member)]
    expect: Vec<(String, String)>,
    /// The base64 Ed25519 key of the gateway that signed each part of a stream: for a body of the
    /// content type `application/vnd.otkel.envelopes; parts=signed`.
    #[arg(long, value_name = "KEY", value_parser = VerifyKey::parse)]
    signed_by: Option<VerifyKey>,
    /// Show what each envelope says about itself on standard error.
    #[arg(long)]
    header: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let keys = arguments.key.iter().map(|file| keyfile::read_secret(file));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut input = BufReader::new(io::stdin().lock());
    let opened = if input.fill_buf()?.first().is_some_and(|first| frames::begin_with(*first)) {
        open_stream(arguments, &keys, &mut input)
    } else {
        open_one(arguments, &keys, &mut input)
    };
    match opened {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(Unopened::Bad(why)) => {
            eprintln!("otkel: {why}");
            Ok(WRONG)
        }
        Err(Unopened::Io(error)) => Err(error.into()),
    }
}

/// Why not everything was opened.
enum Unopened {
    /// The words for it.
    Bad(String),
    /// Standard input or output failed.
    Io(io::Error),
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BadEnvelope> for Unopened {
    fn from(bad: BadEnvelope) -> Self {
        Self::Bad(bad.to_string())
    }
}

impl From<BadStream> for Unopened {
    fn from(bad: BadStream) -> Self {
        Self::Bad(bad.to_string())
    }
}

fn open_one(
    arguments: &Arguments,
    keys: &[RecipientSecret],
    input: &mut impl Read,
) -> Result<(), Unopened> {
    let mut envelope = Vec::new();
    input.read_to_end(&mut envelope)?;
    if !envelope.starts_with(b"OTK1")
        && let Ok(decoded) = envelope::field::decode(&envelope)
    {
        envelope = decoded;
    }
    let (header, body) = envelope::open_with(&envelope, keys)?;
    expect(arguments, &header)?;
    show(arguments, &header, &body)
}

/// Opens the parts of a stream, one after the other, as they come.
fn open_stream(
    arguments: &Arguments,
    keys: &[RecipientSecret],
    input: &mut impl Read,
) -> Result<(), Unopened> {
    let mut sequence = Sequence::default();
    while let Some(envelope) = next(input)? {
        if let Some(key) = &arguments.signed_by {
            let signature = exactly(input, SIGNATURE)?;
            let signature = signature.first_chunk().ok_or(BadStream::Short)?;
            if !key.verify(&part(&Sha256::digest(&envelope).into()), signature) {
                return Err(Unopened::Bad(NOT_SIGNED.to_owned()));
            }
        }
        let (header, body) = envelope::open_with(&envelope, keys)?;
        expect(arguments, &header)?;
        sequence.take(&header)?;
        show(arguments, &header, &body)?;
    }
    Ok(sequence.finish()?)
}

/// The next envelope of a stream; `None` at its end.
fn next(input: &mut impl Read) -> Result<Option<Vec<u8>>, Unopened> {
    let mut start = Vec::new();
    input.by_ref().take(frames::LENGTH as u64).read_to_end(&mut start)?;
    if start.is_empty() {
        return Ok(None);
    }
    let length = frames::length(start.try_into().map_err(|_| BadStream::Short)?)?;
    exactly(input, length).map(Some)
}

fn exactly(input: &mut impl Read, length: usize) -> Result<Vec<u8>, Unopened> {
    let mut bytes = Vec::new();
    input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Ok(bytes) } else { Err(BadStream::Short.into()) }
}

/// Holds a header against what it should say.
fn expect(arguments: &Arguments, header: &Header) -> Result<(), Unopened> {
    let header = serde_json::to_value(header).map_err(io::Error::from)?;
    for (member, value) in &arguments.expect {
        let is_said = match header.get(member) {
            Some(Value::String(said)) => said == value,
            Some(said) => serde_json::from_str(value).is_ok_and(|value: Value| value == *said),
            None => false,
        };
        if !is_said {
            let why =
                format!("the envelope is for something else: its `{member}` is not as expected");
            return Err(Unopened::Bad(why));
        }
    }
    Ok(())
}

fn member(text: &str) -> Result<(String, String), &'static str> {
    let (member, value) = text.split_once('=').ok_or("expected MEMBER=VALUE")?;
    Ok((member.to_owned(), value.to_owned()))
}

fn show(arguments: &Arguments, header: &Header, body: &[u8]) -> Result<(), Unopened> {
    if arguments.header {
        let header = serde_json::to_string_pretty(header).map_err(io::Error::from)?;
        eprintln!("{header}");
    }
    let mut out = io::stdout().lock();
    match Request::decode(body) {
        Ok(request) if header.cty == request::MEDIA_TYPE => show_request(&request, &mut out)?,
        _ => out.write_all(body)?,
    }
    Ok(())
}

/// A whole request, with a head as in HTTP/1.1.
fn show_request(request: &Request, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{} {} HTTP/1.1", request.method, request.target)?;
    writeln!(out, "host: {}", request.authority)?;
    for (name, value) in &request.headers {
        writeln!(out, "{name}: {value}")?;
    }
    writeln!(out)?;
    out.write_all(&request.body)
}

const NOT_SIGNED: &str = "a part of the stream is not signed by this key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_shown_with_its_head() {
        let request = Request {
            method: "PUT".to_owned(),
            authority: "api.example".to_owned(),
            target: "/a?b=c".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: b"{}".to_vec(),
        };
        let mut out = Vec::new();
        show_request(&request, &mut out).unwrap();
        let head = "PUT /a?b=c HTTP/1.1\nhost: api.example\ncontent-type: application/json";
        assert_eq!(String::from_utf8(out).unwrap(), format!("{head}\n\n{{}}"));
    }
}
