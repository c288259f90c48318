//! `otkel open`.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Outcome, WRONG};
use crate::envelope::frames::{self, BadStream, Sequence};
use crate::envelope::request::{self, Request};
use crate::envelope::{self, BadEnvelope, Header, RecipientSecret};
use crate::keyfile;

/// The arguments of `otkel open`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The private key of the partner, or of its recipient.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Show what each envelope says about itself on standard error.
    #[arg(long)]
    header: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let key = keyfile::read_secret(&arguments.key)?;
    let mut input = BufReader::new(io::stdin().lock());
    let opened = if input.fill_buf()?.first().is_some_and(|first| frames::begin_with(*first)) {
        open_stream(arguments, &key, &mut input)
    } else {
        open_one(arguments, &key, &mut input)
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
    key: &RecipientSecret,
    input: &mut impl Read,
) -> Result<(), Unopened> {
    let mut envelope = Vec::new();
    input.read_to_end(&mut envelope)?;
    if !envelope.starts_with(b"OTK1")
        && let Ok(decoded) = envelope::field::decode(&envelope)
    {
        envelope = decoded;
    }
    let (header, body) = envelope::open(&envelope, key)?;
    show(arguments, &header, &body)
}

/// Opens the parts of a stream, one after the other, as they come.
fn open_stream(
    arguments: &Arguments,
    key: &RecipientSecret,
    input: &mut impl Read,
) -> Result<(), Unopened> {
    let mut sequence = Sequence::default();
    while let Some(envelope) = next(input)? {
        let (header, body) = envelope::open(&envelope, key)?;
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
    let mut envelope = Vec::new();
    input.by_ref().take(length as u64).read_to_end(&mut envelope)?;
    if envelope.len() == length { Ok(Some(envelope)) } else { Err(BadStream::Short.into()) }
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
