//! The questions about a partner, one after the other.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::desk::{Desk, Empty, Stop};
use super::draft::{Draft, FIELDS};
use super::question::{
    ASSESSMENT, ENDPOINT, Form, ON_REFUSED, Offer, PARTNER, PURPOSES, Question, REQUIRED, ROUTE,
};
use super::sample::Case;
use crate::diagnostic::text;
use crate::document::Limits;
use crate::policy::{Purpose, Register};
use crate::reason::Reason;
use crate::rehearsal::case::{Trial, trials};
use crate::vocabulary::{CategoryId, CategorySet, Name, PurposeId};

/// Asks for a partner until its file loads and its cases come out as they say.
pub(super) fn partner<R: BufRead>(desk: &mut Desk<R>, register: &Register) -> Result<Draft, Stop> {
    let usable = |purpose: &Purpose| purpose.active && purpose.ended.is_none();
    let mut purposes = register.purposes.iter();
    let some = purposes.find(|(_, purpose)| usable(purpose)).map(|(id, _)| id.to_string());
    let mut draft = Draft::new(name(desk)?, some.ok_or(Stop::NoPurpose)?);
    for question in PARTNER.iter().chain(&ENDPOINT) {
        ask(desk, &mut draft, question)?;
    }
    if !draft.abroad().is_empty() {
        for question in &ASSESSMENT {
            ask(desk, &mut draft, question)?;
        }
    }
    loop {
        let mut whole = draft.clone();
        purposes_of(desk, &mut whole, register)?;
        route(desk, &mut whole, register)?;
        match cases(desk, &mut whole, register) {
            Ok(()) => return Ok(whole),
            Err(reasons) => {
                let codes: Vec<String> = reasons.iter().map(|code| format!("`{code}`")).collect();
                let codes = codes.join(", ");
                desk.tell(&text!("nothing could ever leave by this route: {}", codes));
            }
        }
    }
}

fn name<R: BufRead>(desk: &mut Desk<R>) -> Result<Name, Stop> {
    let help = "name it by 1 to 64 of a-z, 0-9, `-` and `_`, a letter or digit first";
    desk.tell(&help.into());
    loop {
        let answer = desk.line("id", &Empty::Refused)?;
        let name = Name::parse(&answer).ok().filter(|_| !answer.contains('.'));
        let Some(name) = name else {
            desk.tell(&"the file's name is no partner's".into());
            desk.tell(&help.into());
            continue;
        };
        let path = format!("partners/{name}.toml");
        if !desk.has(&path) {
            return Ok(name);
        }
        desk.tell(&text!("`{}` is there already, and stays as it is", path));
    }
}

fn ask<R: BufRead>(desk: &mut Desk<R>, draft: &mut Draft, question: &Question) -> Result<(), Stop> {
    desk.explain(draft, question.key, question.form.hint());
    settle(desk, draft, question)
}

fn settle<R: BufRead>(
    desk: &mut Desk<R>,
    draft: &mut Draft,
    question: &Question,
) -> Result<(), Stop> {
    let empty = match question.offer {
        Offer::None => Empty::Refused,
        Offer::Absent => Empty::Absent,
        Offer::Fixed(text) => Empty::Stands(text.to_owned()),
        Offer::Same(key) => Empty::Stands(draft.answer(key)),
        Offer::Today => Empty::Stands(desk.today()),
        Offer::Request => {
            Empty::Stands(format!("POST /{}/{}", draft.id, draft.answer("route.name")))
        }
    };
    desk.settle(draft, question.key, &empty, |draft, answer| {
        let answer = if question.form == Form::Digest { digest(answer) } else { answer };
        draft.answers.insert(question.key, answer);
    })?;
    Ok(())
}

// The SHA-256 of a file, where an answer names one.
fn digest(answer: String) -> String {
    match std::fs::read(Path::new(&answer)) {
        Ok(bytes) => HEXLOWER.encode(&Sha256::digest(bytes)),
        Err(_) => answer,
    }
}

fn purposes_of<R: BufRead>(
    desk: &mut Desk<R>,
    draft: &mut Draft,
    register: &Register,
) -> Result<(), Stop> {
    desk.explain(draft, PURPOSES.key, Form::List.hint());
    for (id, purpose) in register.purposes.iter().filter(|(_, purpose)| purpose.active) {
        desk.tell(&format!("  {id} {}", purpose.title.in_language(desk.language())).into());
    }
    settle(desk, draft, &PURPOSES)?;
    for id in draft.list(PURPOSES.key) {
        let purpose = PurposeId::parse(&id).ok().and_then(|id| register.purposes.get(&id));
        let Some(purpose) = purpose else { continue };
        desk.explain(draft, PURPOSES.key, Form::List.hint());
        list(desk, register, purpose.categories);
        let needed: Vec<String> = purpose.required.iter().map(|id| id.to_string()).collect();
        let empty =
            if needed.is_empty() { Empty::Refused } else { Empty::Stands(needed.join(", ")) };
        desk.settle(draft, &format!("purposes.{id}"), &empty, |draft, answer| {
            draft.categories.insert(id.clone(), answer);
        })?;
    }
    Ok(())
}

fn route<R: BufRead>(
    desk: &mut Desk<R>,
    draft: &mut Draft,
    register: &Register,
) -> Result<(), Stop> {
    draft.has_route = true;
    for question in &ROUTE {
        ask(desk, draft, question)?;
    }
    if draft.has_records() {
        ask(desk, draft, &ON_REFUSED)?;
    }
    let how = "a path, a blank and a category in each line; an empty line ends them";
    desk.explain(draft, FIELDS, Some(how.into()));
    let named = draft.categories.values().flat_map(|list| list.split(',').map(str::trim));
    list(desk, register, named.filter_map(|id| CategoryId::parse(id).ok()).collect());
    let mut empty = Empty::Refused;
    let put = |draft: &mut Draft, line: String| {
        let (path, category) = line.rsplit_once([' ', '\t', '=']).unwrap_or((&line, ""));
        let path = path.trim_end_matches([' ', '\t', '=']);
        draft.fields.push((path.to_owned(), category.to_owned()));
    };
    while desk.settle(draft, FIELDS, &empty, put)? {
        empty = Empty::Absent;
    }
    ask(desk, draft, &REQUIRED)
}

fn list<R: BufRead>(desk: &Desk<R>, register: &Register, categories: CategorySet) {
    for id in categories.iter() {
        let title = register.categories.get(&id);
        let title = title.map_or("", |entry| entry.title.in_language(desk.language()));
        desk.tell(&format!("  {id} {title}").into());
    }
}

/// Adds an allowed and a refused case, with what comes out of them; an error has the reasons for
/// which nothing can leave.
fn cases<R: BufRead>(
    desk: &Desk<R>,
    draft: &mut Draft,
    register: &Register,
) -> Result<(), BTreeSet<Reason>> {
    let purposes = draft.list("route.purposes");
    let purpose = purposes.first().and_then(|id| PurposeId::parse(id).ok());
    let purpose = purpose.and_then(|id| register.purposes.get(&id));
    let automated = purpose.is_some_and(|purpose| purpose.automated_decision);
    let case = |consented, reasons| Case {
        consented,
        automated,
        sent: if consented { Some("{}".to_owned()) } else { None },
        reasons,
    };
    let no_consent = vec![Reason::NoConsent.code().to_owned()];
    draft.cases = vec![case(true, Vec::new()), case(false, no_consent)];
    let Ok((policy, _)) = desk.read(draft) else { return Err(BTreeSet::new()) };
    let trials = trials(&policy, &Limits::default());
    let own: Vec<&Trial<'_>> =
        trials.iter().filter(|trial| trial.partner.name == draft.id).collect();
    let [allowed, refused] = own.as_slice() else { return Err(BTreeSet::new()) };
    let Some(sent) = allowed.rehearsed.sent() else { return Err(allowed.rehearsed.reasons()) };
    let codes = |trial: &Trial<'_>| {
        trial.rehearsed.reasons().iter().map(|reason| reason.code().to_owned()).collect()
    };
    let sent = String::from_utf8_lossy(sent).into_owned();
    draft.cases =
        vec![Case { sent: Some(sent), ..case(true, codes(allowed)) }, case(false, codes(refused))];
    Ok(())
}
