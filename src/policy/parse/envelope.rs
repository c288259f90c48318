//! `[envelope]`: how what goes to a partner is sealed, signed and acknowledged.

use super::table::{Item, Table};
use super::treatment::Recipients;
use super::word;
use crate::diagnostic::text;
use crate::policy::{EnvelopeRules, Keeping, Padding, Reply};
use crate::vocabulary::{Kem, Name};

/// Reads the table, or takes what holds without it.
pub(super) fn read(
    table: &mut Table<'_>,
    recipients: Option<&Recipients>,
) -> Option<EnvelopeRules> {
    let meaning = "`[envelope]` says how what goes to the partner is sealed, signed and \
        acknowledged";
    table.or(EnvelopeRules::default(), "envelope", meaning, |item| {
        item.table(|table| rules(table, recipients))
    })
}

fn rules(table: &mut Table<'_>, recipients: Option<&Recipients>) -> Option<EnvelopeRules> {
    let default = EnvelopeRules::default();
    let meaning = "`kem` is `x25519`, or `mlkem768-x25519` for a partner whose keys stand against \
        a quantum computer too";
    let kem = table.or(default.kem, "kem", meaning, |item| {
        item.one_of(&Kem::ALL.map(|kem| (kem.word(), kem)))
    });
    let meaning = "`pad` is to what multiple of bytes a payload is filled up, 16 to 1048576, or \
        `padme`: its length then shows less of what is in it";
    let pad = table.optional("pad", meaning, padding);
    let kept = table.optional("kept", KEPT, |item| item.table(keeping));
    let also = also(table, recipients, kept.flatten().is_some());
    let receipts = receipts(table);
    let reply = reply(table, receipts);
    let meaning = "`signed` is true unless the partner cannot take signed requests";
    let signed = table.or(default.signed, "signed", meaning, |item| {
        let signed = item.flag()?;
        if !signed {
            let help = "remove the line unless the partner cannot take signed requests";
            item.warn("the partner cannot tell who sends what it gets", help);
        }
        Some(signed)
    });
    Some(EnvelopeRules {
        kem: kem?,
        pad: pad?,
        kept: kept?,
        also: also?,
        reply: reply?,
        signed: signed?,
        receipts: receipts?,
    })
}

fn padding(item: &Item<'_>) -> Option<Padding> {
    if item.is_text() {
        return item.one_of(&[("padme", Padding::Padme)]);
    }
    match word::count(item, PAD_MAX)? {
        bytes @ PAD_MIN.. => Some(Padding::Multiple(bytes)),
        _ => item.wrong("out of range"),
    }
}

fn keeping(table: &mut Table<'_>) -> Option<Keeping> {
    let meaning = "`seconds` is for how long, 1 to 3600";
    let seconds = table.required("seconds", meaning, |item| word::count(item, SECONDS_MAX));
    let meaning = "`messages` is for how many messages, 1 to 1000000";
    let messages = table.required("messages", meaning, |item| word::count(item, MESSAGES_MAX));
    Some(Keeping { seconds: seconds?, messages: messages? })
}

fn also(
    table: &mut Table<'_>,
    recipients: Option<&Recipients>,
    is_kept: bool,
) -> Option<Vec<Name>> {
    let meaning = "`also` lists those of the partner's `[recipient.NAME]`, at most 15, to whom \
        every envelope is sealed as well";
    table.or(Vec::new(), "also", meaning, |item| {
        let names = word::distinct(item, |item| {
            let name = word::own_name(item)?;
            if recipients.is_some_and(|known| !known.all.contains_key(&name)) {
                return item.wrong_since(
                    text!("the partner has no recipient `{}`", name),
                    text!("remove it, or add `[recipient.{}]`", name),
                );
            }
            Some(name)
        })?;
        if names.len() > ALSO_MAX {
            return item.wrong("more recipients than an envelope has room for");
        }
        if is_kept && !names.is_empty() {
            let help = "keep one of the two: what is kept is agreed on with one key";
            return item.wrong_since(text!("`{}` stands beside `{}`", "also", "kept"), help);
        }
        Some(names)
    })
}

fn receipts(table: &mut Table<'_>) -> Option<bool> {
    let meaning = "`receipts` is `asked`, or `none` for a partner that gives none";
    table.or(true, "receipts", meaning, |item| item.one_of(&[("asked", true), ("none", false)]))
}

fn reply(table: &mut Table<'_>, receipts: Option<bool>) -> Option<Reply> {
    let meaning = "`reply` is `plain`, `offered` where the partner may seal its answers, or \
        `required` where an answer that is not sealed is withheld";
    table.or(Reply::Plain, "reply", meaning, |item| {
        let reply = item.one_of(&Reply::ALL.map(|reply| (reply.word(), reply)))?;
        if reply != Reply::Plain && receipts == Some(false) {
            return item.wrong_since(
                "a sealed answer without a receipt",
                "ask for receipts: only the receipt says that the sealed answer is the partner's",
            );
        }
        Some(reply)
    })
}

const KEPT: &str = "`kept = { seconds = 60, messages = 10000 }` lets one agreement with the \
    partner's key serve for many messages; it is faster, and one lost secret opens them all";
const PAD_MIN: u32 = 16;
const PAD_MAX: u32 = 1 << 20;
const SECONDS_MAX: u32 = 3600;
const MESSAGES_MAX: u32 = 1_000_000;
const ALSO_MAX: usize = 15;
