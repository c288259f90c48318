//! What the rules say besides what leaves, compared.

use super::*;

/// An edit, whose setting it changes, and whether that lets more out.
const TERMS: [(Edit<'static>, &str, &str, Option<bool>); 12] = [
    (
        (
            GB,
            "headers = [\"accept-language\"]\n",
            "headers = [\"accept-language\"]\nfound = \"keep\"\n",
        ),
        "route training-gb.enrol",
        "found",
        Some(true),
    ),
    (
        (GB, "retention_days = 365", "retention_days = 730"),
        "partner training-gb",
        "retention_days",
        Some(true),
    ),
    (
        (GB, "valid_to = 2027-12-31", "valid_to = 2027-12-30"),
        "partner training-gb",
        "valid_to",
        Some(false),
    ),
    (
        (GB, "valid_from = 2026-09-01", "valid_from = 2026-08-01"),
        "partner training-gb",
        "valid_from",
        Some(true),
    ),
    (
        (GB, "retention_days = 365", "retention_days = 365\nquota = { records_per_day = 5 }"),
        "partner training-gb",
        "quota records_per_day",
        Some(false),
    ),
    (
        (GB, "number = \"CPM-2026-014\"", "number = \"CPM-2026-015\""),
        "partner training-gb",
        "agreement",
        None,
    ),
    (
        (GB, "onward_transfer = false", "onward_transfer = true"),
        "partner training-gb",
        "onward_transfer",
        Some(true),
    ),
    (
        (DE, "on_refused = \"drop\"", "on_refused = \"refuse\""),
        "route mailing-de.subscribers",
        "on_refused",
        Some(false),
    ),
    (
        (KZ, "unmapped = \"refuse\"", "unmapped = \"remove\""),
        "route attestation-kz.result",
        "unmapped",
        Some(true),
    ),
    (
        (GB, "required = [\"$.learners[*].family_name\"]", "required = []"),
        "route training-gb.enrol",
        "required",
        Some(true),
    ),
    (
        (REGISTER, "depersonalise = true", "depersonalise = false"),
        "purpose P10c",
        "depersonalise",
        Some(true),
    ),
    (
        (REGISTER, "name = \"Мысалова Айгүл\"", "name = \"Үлгібаев Бауыржан\""),
        "register",
        "responsible",
        None,
    ),
];

#[test]
fn terms_days_and_duties_are_told_with_their_direction() {
    for (edit, owner, name, wider) in TERMS {
        let comparison = diff(&[edit]);
        assert_eq!(setting(&comparison, owner, name).wider, wider, "{edit:?}");
        assert!(!comparison.is_same() && comparison.texts.is_empty(), "{edit:?}");
    }
}

#[test]
fn what_changes_in_envelopes_is_told() {
    let desk = "also = [\"desk\"]\n[recipient.desk]\ntitle = \"A desk\"";
    for (rule, name, wider) in [
        ("kem = \"mlkem768-x25519\"", "kem", Some(false)),
        ("pad = \"padme\"", "pad", None),
        ("kept = { seconds = 1, messages = 1 }", "kept", None),
        (desk, "also", Some(true)),
        ("reply = \"required\"", "reply", None),
        ("signed = false", "signed", Some(true)),
        ("receipts = \"none\"", "receipts asked", Some(true)),
    ] {
        let rule = format!("[envelope]\n{rule}\n\n[endpoint.main]");
        let comparison = diff(&[(GB, "[endpoint.main]", &rule)]);
        let setting = setting(&comparison, "partner training-gb", &format!("envelope {name}"));
        assert_eq!(setting.wider, wider, "{rule}");
    }
}
