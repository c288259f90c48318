//! Legal persons and those who answer for them.

use super::table::{Item, Table};
use super::web;
use super::word;
use crate::diagnostic::text;
use crate::policy::{Breach, Party, Responsible, StopNotice};
use crate::vocabulary::Country;

/// Reads who a legal person is; the country says how it is numbered.
pub(super) fn read(table: &mut Table<'_>, seat: Option<Country>) -> Option<Party> {
    let party_id = table.required(
        "party_id",
        "`party_id` is the 12-digit BIN of a Kazakhstani legal person, otherwise the country, `-` \
         and the registration number, such as `GB-00000000`",
        |item| party_id(item, seat),
    );
    let name = table.required("name", "`name` is the legal name in full", word::text);
    let address = table.required("address", "`address` is the postal address", word::text);
    let contact = table.required(
        "contact",
        "`contact` is an e-mail address, a telephone number with `+`, or an https URL",
        web::contact,
    );
    Some(Party { party_id: party_id?, name: name?, address: address?, contact: contact? })
}

/// Reads who answers for personal data.
pub(super) fn responsible(table: &mut Table<'_>) -> Option<Responsible> {
    let name = table.required("name", "`name` is the surname and given name", word::text);
    let phone =
        table.required("phone", "`phone` is a number such as `+7 7172 23 57 50`", web::phone);
    let email = table.required("email", "`email` is an e-mail address", web::email);
    Some(Responsible { name: name?, phone: phone?, email: email? })
}

/// Reads where a partner is told to stop or destroy.
pub(super) fn stop_notice(table: &mut Table<'_>) -> Option<StopNotice> {
    let meaning = "`stop_notice = { contact = \"…\", confirm_days = 10 }` says where the partner \
        is told to stop or destroy, and within how many days it confirms (94-V Art. 8(7), 18)";
    table.required("stop_notice", meaning, |item| {
        item.table(|table| {
            let contact = table.required("contact", meaning, web::contact);
            let days = "`confirm_days` is 1 to 365";
            let confirm_days = table.required("confirm_days", days, |item| word::count(item, 365));
            Some(StopNotice { contact: contact?, confirm_days: confirm_days? })
        })
    })
}

/// Reads where a partner tells of a breach.
pub(super) fn breach(table: &mut Table<'_>) -> Option<Breach> {
    let meaning = "`breach = { contact = \"…\", notice_hours = 24 }` says where the partner tells \
        of a breach, and within how many hours (94-V Art. 22(1), 25(2)(8))";
    table.required("breach", meaning, |item| {
        item.table(|table| {
            let contact = table.required("contact", meaning, web::contact);
            let hours = "`notice_hours` is 1 to 720";
            let notice_hours = table.required("notice_hours", hours, |item| word::count(item, 720));
            Some(Breach { contact: contact?, notice_hours: notice_hours? })
        })
    })
}

fn party_id(item: &Item<'_>, seat: Option<Country>) -> Option<String> {
    let text = item.text()?;
    let Some(seat) = seat else { return word::text(item) };
    if seat == Country::KZ {
        return if word::is_bin(text) {
            Some(text.to_owned())
        } else {
            item.wrong("not a valid BIN: expected 12 digits with their check digit")
        };
    }
    let number = text.strip_prefix(&format!("{seat}-")).unwrap_or_default();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-');
    if !number.is_empty() && number.bytes().all(fits) {
        Some(text.to_owned())
    } else {
        item.wrong(text!("not a registration number of the seat's country: expected `{}-…`", seat))
    }
}
