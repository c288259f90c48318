//! Consents and blocks, and the names by which steps speak of them.

use std::path::PathBuf;

use toml::Spanned;
use uuid::Uuid;

use super::raw::{RawBlock, RawConsent, RawState};
use super::read::Check;
use super::{Blocked, Consented, Handed, Named};
use crate::consent::Identifier;
use crate::consent::record::Channel;
use crate::diagnostic::text;
use crate::store::NewBlock;
use crate::testkit::{Consent, Given};
use crate::vocabulary::{Name, PurposeId};

impl Check<'_> {
    pub(super) fn consents_file(&mut self, raw: Option<&Spanned<PathBuf>>) -> Vec<Consented> {
        let Some(raw) = raw else { return Vec::new() };
        let Some(bytes) = self.file(raw) else { return Vec::new() };
        let Ok(text) = String::from_utf8(bytes) else {
            self.error::<()>(raw.span(), "not UTF-8", "write one JSON object a line");
            return Vec::new();
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let handed = |line: &str| Handed::Whole(line.to_owned());
        lines
            .map(|line| Consented { name: None, consent: handed(line), span: raw.span() })
            .collect()
    }

    pub(super) fn consent(&mut self, raw: Spanned<RawConsent>) -> Option<Consented> {
        let span = raw.span();
        let mut raw = raw.into_inner();
        let name = self.name(raw.name.take());
        if let Some(json) = raw.json.take() {
            if !raw.is_empty() {
                let help = "keep `json`, a whole record, or the keys of a consent in short";
                return self.error(span, "a consent is written in one of two ways", help);
            }
            let consent = Handed::Whole(json.into_inner());
            return Some(Consented { name, consent, span });
        }
        let times = [&raw.given, &raw.until, &raw.minor_until];
        let times = times.map(|time| time.as_ref().map(|time| self.moment(time)));
        let [given, until, minor_until] = times.map(Option::flatten);
        let required = [
            ("subject", raw.subject.is_some()),
            ("recipients", raw.recipients.is_some()),
            ("purposes", raw.purposes.is_some()),
            ("categories", raw.categories.is_some()),
        ];
        for (key, _) in required.iter().filter(|(_, is_there)| !is_there) {
            let help = "a consent in short has `subject`, `recipients`, `purposes` and \
                `categories`; a whole record stands in `json`";
            self.error::<()>(span.clone(), text!("`{}` is missing", key), help);
        }
        let usual = Consent::new(raw.subject?.get_ref(), "");
        let consent = Consent {
            scheme: raw.scheme.map(Spanned::into_inner),
            recipients: raw.recipients?,
            purposes: raw.purposes?,
            categories: raw.categories?,
            countries: raw.countries.unwrap_or_default(),
            publication: raw.publication.unwrap_or_default(),
            given,
            until,
            state: raw.state.map_or(Given::Given, RawState::given),
            channel: raw.channel.unwrap_or(Channel::Written),
            notice: raw.notice,
            given_by: raw.given_by.unwrap_or(usual.given_by),
            minor_until,
            automated: raw.automated.unwrap_or_default(),
            notify: raw.notify.unwrap_or_default(),
            subject: usual.subject,
        };
        Some(Consented { name, consent: Handed::Short(Box::new(consent)), span })
    }

    pub(super) fn block(&mut self, raw: Spanned<RawBlock>) -> Option<Blocked> {
        let span = raw.span();
        let raw = raw.into_inner();
        let name = self.name(raw.name);
        let partner = raw.partner.map(|partner| self.word(&partner, Name::parse));
        let purpose = raw.purpose.map(|purpose| self.word(&purpose, PurposeId::parse));
        let scheme = raw.scheme.map(|scheme| self.word(&scheme, Name::parse));
        let subject = match (raw.subject, scheme) {
            (Some(id), Some(scheme)) => Some(Identifier { scheme: scheme?, id: id.into_inner() }),
            (None, None) => None,
            _ => {
                let help = "write both, or neither";
                return self.error(span, "`subject` and `scheme` stand together", help);
            }
        };
        let document = raw.document.unwrap_or_else(|| "a test".to_owned());
        let partner = partner.map_or(Some(None), |partner| partner.map(Some))?;
        let purpose = purpose.map_or(Some(None), |purpose| purpose.map(Some))?;
        Some(Blocked { name, block: NewBlock { subject, partner, purpose, document }, span })
    }

    fn word<T, E: std::fmt::Display>(
        &mut self,
        raw: &Spanned<String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(raw.get_ref()) {
            Ok(word) => Some(word),
            Err(bad) => self.error(raw.span(), bad.to_string(), "write it as the rules do"),
        }
    }

    fn name(&mut self, raw: Option<Spanned<String>>) -> Option<String> {
        let raw = raw?;
        if !self.names.insert(raw.get_ref().clone()) {
            let help = "give each consent and block a name of its own";
            self.error::<()>(raw.span(), text!("a second `{}`", raw.get_ref()), help);
        }
        Some(raw.into_inner())
    }

    pub(super) fn named(&mut self, raw: Spanned<String>) -> Option<Named> {
        let span = raw.span();
        let name = raw.into_inner();
        let id = Uuid::parse_str(&name).ok();
        if id.is_none() && !self.names.contains(&name) {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let help = text!("the names before this step are `{}`", known.join("`, `"));
            return self.error(span, text!("nothing here has the name `{}`", name), help);
        }
        Some(Named { name, id })
    }
}

impl RawConsent {
    /// Whether it says nothing but its name.
    fn is_empty(&self) -> bool {
        let times = [&self.given, &self.until, &self.minor_until];
        let lists = [
            &self.recipients,
            &self.purposes,
            &self.categories,
            &self.countries,
            &self.publication,
        ];
        self.subject.is_none()
            && self.scheme.is_none()
            && times.iter().all(|time| time.is_none())
            && lists.iter().all(|list| list.is_none())
            && self.state.is_none()
            && self.channel.is_none()
            && self.notice.is_none()
            && self.given_by.is_none()
            && self.automated.is_none()
            && self.notify.is_none()
    }
}

impl RawState {
    const fn given(self) -> Given {
        match self {
            Self::Given => Given::Given,
            Self::Refused => Given::Refused,
            Self::Withdrawn => Given::Withdrawn,
            Self::Expired => Given::Expired,
        }
    }
}
