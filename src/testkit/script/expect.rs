//! What a step says must come of it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;

use super::raw::{RawAnswer, RawBody, RawGenerated, RawReceived, RawRecord, RawRefused, RawStep};
use super::read::Check;
use super::{Arrival, Body, Expected, Form, Refused, Said};
use crate::diagnostic::{nearest, text};
use crate::reason::Reason;
use crate::testkit::pattern;

impl Check<'_> {
    pub(super) fn expected(&mut self, raw: &mut RawStep, span: &Range<usize>) -> Option<Expected> {
        let is_said = raw.refused.is_some() || raw.received.is_some();
        if raw.request.is_some() && !is_said && !self.is_draft {
            let help = "write what each partner receives as `[[step.received]]`, `received = []` \
                where that is nothing, or `refused.code`";
            return self.error(span.clone(), "the step does not say what comes of it", help);
        }
        if raw.request.is_none() && (is_said || raw.answer.is_some()) {
            let help = "of anything else than a request, only records come";
            return self.error(span.clone(), "no request is sent in this step", help);
        }
        let mut expected = Expected::default();
        if let Some(answer) = raw.answer.take() {
            self.answer(answer, &mut expected)?;
        }
        if let Some(refused) = raw.refused.take() {
            expected.refused = Some(self.refused(refused)?);
        }
        if let Some(received) = raw.received.take() {
            if let (Some(first), Some(_)) = (received.first(), &expected.refused) {
                let help = "remove it, or what is `refused`";
                return self.error(first.span(), "nothing leaves of a refused transfer", help);
            }
            let arrivals: Vec<_> = received.into_iter().map(|one| self.arrival(one)).collect();
            expected.received = Some(arrivals.into_iter().collect::<Option<_>>()?);
        }
        let records: Vec<_> = raw.record.drain(..).map(|record| self.record(record)).collect();
        expected.records = records.into_iter().collect::<Option<_>>()?;
        expected.count = raw.records.take().map(Said::from);
        Some(expected)
    }

    fn answer(&mut self, raw: RawAnswer, expected: &mut Expected) -> Option<()> {
        expected.status = raw.status.map(Said::from);
        expected.headers = self.patterns(raw.headers)?;
        if let Some(body) = raw.body {
            expected.body = Some(self.body(body)?);
        }
        Some(())
    }

    fn refused(&mut self, raw: RawRefused) -> Option<Refused> {
        let code = raw.code.get_ref();
        let Some(reason) = Reason::parse(code) else {
            let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
            let message = text!("unknown reason `{}`", code);
            let help = match nearest(code, &codes) {
                Some(near) => text!("did you mean `{}`?", near),
                None => "write the `code` that the caller is told".into(),
            };
            return self.error(raw.code.span(), message, help);
        };
        let subjects = raw.subjects.map(|subjects| {
            let span = subjects.span();
            let members = subjects.into_inner().into_iter();
            let members = members.map(|(code, number)| (code, Value::from(number)));
            Said { value: Value::Object(members.collect()), span }
        });
        Some(Refused {
            code: Said { value: reason, span: raw.code.span() },
            clause: raw.clause.map(Said::from),
            place: raw.place.map(Said::from),
            subjects,
        })
    }

    fn arrival(&mut self, raw: Spanned<RawReceived>) -> Option<Arrival> {
        let raw = raw.into_inner();
        let span = raw.partner.span();
        let expires = match &raw.expires {
            Some(time) => Some(Said { value: self.moment(time)?, span: time.span() }),
            None => None,
        };
        let header = match &raw.header {
            Some(header) => Some(Said { value: self.json(header)?, span: header.span() }),
            None => None,
        };
        let body = match raw.body {
            Some(body) => Some(self.body(body)?),
            None => None,
        };
        for text in [&raw.media, &raw.request].into_iter().flatten() {
            self.pattern(text.get_ref(), text.span())?;
        }
        Some(Arrival {
            partner: raw.partner.into(),
            purpose: raw.purpose.map(Said::from),
            expires,
            onward: raw.onward.map(Said::from),
            media: raw.media.map(Said::from),
            header,
            request: raw.request.map(Said::from),
            headers: self.patterns(raw.headers)?,
            body,
            span,
        })
    }

    fn record(&mut self, raw: Spanned<RawRecord>) -> Option<Said<Form>> {
        let span = raw.span();
        match raw.into_inner() {
            RawRecord { json: Some(json), has: None } => {
                self.json(&json)?;
                Some(Said { span: json.span(), value: Form::Whole(json.into_inner()) })
            }
            RawRecord { json: None, has: Some(has) } => {
                Some(Said { span: has.span(), value: Form::Has(self.json(&has)?) })
            }
            _ => {
                let help = "write `json`, the whole entry, or `has`, some of its members";
                self.error(span, "a record is said in one of two ways", help)
            }
        }
    }

    fn body(&mut self, raw: Spanned<RawBody>) -> Option<Said<Body>> {
        let span = raw.span();
        let raw = raw.into_inner();
        self.only_one(&raw, &span)?;
        if let Some(json) = raw.json {
            self.json(&json)?;
            let span = json.span();
            return Some(Said { value: Body::Json(Form::Whole(json.into_inner())), span });
        }
        if let Some(has) = raw.has {
            let value = Body::Json(Form::Has(self.json(&has)?));
            return Some(Said { value, span: has.span() });
        }
        if let Some(text) = raw.text {
            self.pattern(text.get_ref(), text.span())?;
            let span = text.span();
            return Some(Said { value: Body::Text(text.into_inner()), span });
        }
        if let Some(generated) = raw.generated {
            let text = self.generated(&generated)?;
            return Some(Said { value: Body::Bytes(text.into_bytes()), span: generated.span() });
        }
        let bytes = self.stored(raw.file.as_ref(), raw.base64.as_ref())?;
        Some(Said { value: Body::Bytes(bytes), span })
    }

    pub(super) fn only_one(&mut self, raw: &RawBody, span: &Range<usize>) -> Option<()> {
        let all = [
            raw.json.is_some(),
            raw.has.is_some(),
            raw.text.is_some(),
            raw.file.is_some(),
            raw.base64.is_some(),
            raw.generated.is_some(),
        ];
        if all.iter().filter(|is_there| **is_there).count() == 1 {
            return Some(());
        }
        let help = "keep one of `json`, `has`, `text`, `file`, `base64` and `generated`";
        self.error(span.clone(), "a body is written in one way", help)
    }

    /// Expected JSON, whose strings may have places.
    fn json(&mut self, raw: &Spanned<String>) -> Option<Value> {
        let value = self.plain_json(raw)?;
        self.pattern(raw.get_ref(), raw.span()).map(|()| value)
    }

    pub(super) fn plain_json(&mut self, raw: &Spanned<String>) -> Option<Value> {
        match serde_json::from_str(raw.get_ref()) {
            Ok(value) => Some(value),
            Err(error) => {
                let message = text!("not JSON: {}", error);
                let help = "mend it here, or write it as `text` if it is meant so";
                self.error(raw.span(), message, help)
            }
        }
    }

    fn patterns(
        &mut self,
        raw: BTreeMap<Spanned<String>, Spanned<String>>,
    ) -> Option<Vec<(String, Said<String>)>> {
        let mut patterns = Vec::new();
        for (name, value) in raw {
            self.lower(&name)?;
            self.pattern(value.get_ref(), value.span())?;
            patterns.push((name.into_inner(), value.into()));
        }
        Some(patterns)
    }

    fn pattern(&mut self, pattern: &str, span: Range<usize>) -> Option<()> {
        let Err(bad) = pattern::check(pattern) else { return Some(()) };
        let message = text!("`{{{}}}` is no place that stands for a value", bad);
        let help = "write `any`, `uuid`, `time`, `hash`, `base64`, `jws` or `number` in the \
            braces, a name behind it if its value must come again, or `open` for the braces \
            themselves";
        self.error(span, message, help)
    }

    pub(super) fn generated(&mut self, raw: &Spanned<RawGenerated>) -> Option<String> {
        let RawGenerated { before, each, between, after, times } = raw.get_ref();
        let number = *times.get_ref();
        let length = each.len().saturating_add(between.len());
        let length = u64::try_from(length).ok().and_then(|each| each.checked_mul(number.into()));
        if length.is_none_or(|length| length > GENERATED_MAX) {
            return self.error(times.span(), "more than 64 MiB", "write fewer");
        }
        let pieces: Vec<String> =
            (1..=number).map(|n| each.replace("{{n}}", &n.to_string())).collect();
        Some([before.as_str(), &pieces.join(between), after].concat())
    }
}

impl<T> From<Spanned<T>> for Said<T> {
    fn from(raw: Spanned<T>) -> Self {
        let span = raw.span();
        Self { value: raw.into_inner(), span }
    }
}

const GENERATED_MAX: u64 = 64 << 20;
