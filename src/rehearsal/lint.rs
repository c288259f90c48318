//! What `otkel check` asks of rules beyond that they load: that their cases show what they do.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::case::Trial;
use crate::diagnostic::{Diagnostics, Source, text};
use crate::policy::{Partner, Policy};

/// What the cases leave open: no allowed or no refused case of a partner, a route that none tries,
/// a consent of nobody in the transfer, a file that none uses.
#[must_use]
pub fn lint(policy: &Policy, trials: &[Trial<'_>]) -> Diagnostics {
    let mut found = Diagnostics::new();
    for partner in policy.partners.values().filter(|partner| !partner.routes.is_empty()) {
        partner_lint(partner, &policy.source_of(partner), &mut found);
    }
    for trial in trials {
        strangers(trial, &mut found);
    }
    unused_files(policy, &mut found);
    found.sort();
    found
}

fn partner_lint(partner: &Partner, source: &Arc<Source>, found: &mut Diagnostics) {
    let is_allowed =
        |allowed: bool| partner.cases.iter().any(|case| case.expected.is_allowed == allowed);
    if !is_allowed(true) {
        let help = "add a `[[case]]` with `decision = \"allowed\"` and what is `sent`";
        found.error(source, 0..0, "no case shows what leaves", help);
    }
    if !is_allowed(false) {
        let help = "add a `[[case]]` with `decision = \"refused\"` and its `reasons`";
        found.error(source, 0..0, "no case shows what is refused", help);
    }
    for route in &partner.routes {
        if !partner.cases.iter().any(|case| case.route == route.name) {
            let name = route.name.as_str();
            let own = name.split_once('.').map_or(name, |(_, own)| own);
            let help = text!("add a `[[case]]` with `route = \"{}\"`", own);
            let message = text!("no case tries the route `{}`", own);
            found.warning(source, source.line_span(route.line), message, help);
        }
    }
}

// Most often a subject that was mistyped.
fn strangers(trial: &Trial<'_>, found: &mut Diagnostics) {
    let Some(transfer) = trial.rehearsed.transfer() else { return };
    for consent in &trial.case.consents {
        if !transfer.subjects().flatten().any(|subject| subject == consent.subject) {
            let help = "write the identifier as the transfer holds it, or remove the consent";
            let message = "the transfer has no record of this subject";
            found.warning(&trial.source, consent.span.clone(), message, help);
        }
    }
}

fn unused_files(policy: &Policy, found: &mut Diagnostics) {
    let cases = policy.partners.values().flat_map(|partner| &partner.cases);
    let texts = cases.flat_map(|case| [Some(&case.transfer), case.expected.sent.as_ref()]);
    let used: BTreeSet<&str> = texts.flatten().filter_map(|text| text.file.as_deref()).collect();
    for file in policy.files.keys().filter(|file| file.starts_with("cases/")) {
        if !used.contains(file.as_str()) {
            let help = "name it as `transfer_file` or `sent_file` of a case, or remove it";
            found.warning(&Source::new(file, ""), 0..0, "no case uses this file", help);
        }
    }
}
