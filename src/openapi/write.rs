//! The partner file: what the document tells, and a blank for all that only a person can know.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Wishes;
use super::document::{Document, Operation, Server};
use super::fields::{self, Fields, Leaf, Path};
use super::guess;
use super::toml::{comment, name, string};
use crate::document::Segment;
use crate::policy;

/// Writes the file.
pub(super) fn file(document: &Document, wishes: &Wishes) -> String {
    let (operations, others) = document.operations();
    let (server, more_servers) = document.servers();
    let partner = partner_name(document, wishes);
    let mut steps = STEPS_MAX;
    let mut names = BTreeSet::new();
    let mut routes = String::new();
    let mut needed = BTreeSet::new();
    for operation in &operations {
        match operation.schema {
            Ok(schema) => {
                let fields = fields::read(document, schema, &mut steps);
                let place = Place { partner: &partner, server: &server, wishes };
                let written = route(operation, &fields, &place, &mut names);
                needed.extend(fields.leaves.iter().filter_map(guessed).map(|g| g.category));
                routes.push_str(&written);
            }
            Err(why) => routes.push_str(&no_route(operation, why)),
        }
    }
    let mut text = head(document, &partner);
    text.push_str(ENTRY);
    text.push_str(&purposes(wishes, &needed));
    text.push_str(&endpoint(&server, &more_servers));
    text.push_str(&routes);
    if others > 0 {
        let _ =
            writeln!(text, "\n# Operations that carry no document, so have no route: {others}.");
    }
    text.push_str(CASES);
    text
}

/// Where a route lies.
#[derive(Clone, Copy)]
struct Place<'a> {
    partner: &'a str,
    server: &'a Server,
    wishes: &'a Wishes,
}

fn partner_name(document: &Document, wishes: &Wishes) -> String {
    let given = wishes.name.as_ref().map(ToString::to_string);
    let titled = || name(document.title().0, PARTNER_CHARS_MAX);
    given.or_else(|| Some(titled()).filter(|name| !name.is_empty())).unwrap_or("partner".into())
}

fn head(document: &Document, partner: &str) -> String {
    let (title, version) = document.title();
    let (title, version) = (comment(title), comment(version));
    format!(
        "\
# A starting partner file, made by `otkel import openapi`.
# The document: \"{title}\", version \"{version}\".
#
# It does not load before a person has been through it:
# - each guess: remove `guess` if it is right, mend the category, or remove the line;
# - each empty \"\": fill it in, dates, numbers and truth values without quotes.
# A field that is commented out never leaves; give it a category, or \"public\" where it is not
# personal, to map it.
# Save the file as `partners/{partner}.toml`. `otkel check` tells what is still missing.
"
    )
}

fn purposes(wishes: &Wishes, needed: &BTreeSet<&str>) -> String {
    let needed: Vec<&str> = needed.iter().copied().collect();
    let mut text = String::from(
        "\n# For each purpose, the categories that may go at most (94-V Art. 7(9), 14).\n",
    );
    if !needed.is_empty() {
        let _ = writeln!(text, "# The guesses below are of {}.", needed.join(", "));
    }
    text.push_str("[purposes]\n");
    if wishes.purposes.is_empty() {
        text.push_str("\"\" = [\"\"]\n");
    }
    for purpose in &wishes.purposes {
        let _ = writeln!(text, "{purpose} = [\"\"]");
    }
    text
}

fn endpoint(server: &Server, others: &[String]) -> String {
    let mut text = String::from("\n[endpoint.main]\n");
    let told = comment(&server.host);
    if policy::is_host(&server.host) {
        let _ = writeln!(text, "host = {}", string(&server.host));
    } else if told.is_empty() {
        text.push_str("host = \"\" # the document names no host\n");
    } else {
        let _ = writeln!(text, "host = \"\" # the document says `{told}`, which is no host name");
    }
    if let Some(port) = server.port {
        let _ = writeln!(text, "port = {port}");
    }
    text.push_str("country = \"\" # where the machine stands (94-V Art. 16(1))\n");
    if server.in_the_clear {
        text.push_str("# The document says `http`. The gateway speaks TLS only.\n");
    }
    for other in others {
        let _ = writeln!(text, "# Another server of the document: {}", comment(other));
    }
    text
}

fn no_route(operation: &Operation<'_>, why: &str) -> String {
    let Operation { method, path, .. } = operation;
    format!("\n# No route for {method} {}: {why}.\n", comment(path))
}

fn route(
    operation: &Operation<'_>,
    fields: &Fields,
    place: &Place<'_>,
    names: &mut BTreeSet<String>,
) -> String {
    let method = &operation.method;
    let to = format!("{}{}", place.server.base, operation.path);
    let own = operation.path.trim_end_matches('/');
    let request = format!("/{}{own}", place.partner);
    if policy::url_path(&to).is_none() || policy::url_path(&request).is_none() {
        let why = "its path has other characters than A-Z, a-z, 0-9, `-`, `.`, `_` and `~`, or an \
            empty part";
        return no_route(operation, why);
    }
    let mut text = String::from("\n");
    if let Some(summary) = operation.summary.filter(|summary| !summary.trim().is_empty()) {
        let _ = writeln!(text, "# {}", comment(summary));
    }
    for parameter in &operation.parameters {
        let _ = writeln!(
            text,
            "# The document requires the parameter `{}`, which no route carries.",
            comment(parameter)
        );
    }
    text.push_str("[[route]]\n");
    let _ = writeln!(text, "name = {}", string(&route_name(operation, place, names)));
    let _ = writeln!(text, "request = \"{method} {request}\"\nto = \"{to}\"");
    text.push_str(if operation.elsewhere {
        "endpoint = \"\" # the document gives this operation a server of its own\n"
    } else {
        "endpoint = \"main\"\n"
    });
    let purposes: Vec<String> = place.wishes.purposes.iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "purposes = [\"{}\"]", purposes.join("\", \""));
    text.push_str(&subject(fields, place.wishes));
    text.push_str(&required(fields));
    text.push_str(&field_map(fields));
    text
}

fn route_name(
    operation: &Operation<'_>,
    place: &Place<'_>,
    names: &mut BTreeSet<String>,
) -> String {
    let room = NAME_CHARS_MAX.saturating_sub(place.partner.len()).saturating_sub(6);
    let id = operation.id.map(|id| name(id, room)).filter(|name| !name.is_empty());
    let own = id.unwrap_or_else(|| {
        let told = name(&format!("{} {}", operation.method, operation.path), room);
        if told.is_empty() { "r".to_owned() } else { told }
    });
    let mut free = own.clone();
    let mut number = 2_usize;
    while !names.insert(free.clone()) {
        free = format!("{own}-{number}");
        number = number.saturating_add(1);
    }
    free
}

/// Whose a record is: as was told, or blanks with what is likely.
fn subject(fields: &Fields, wishes: &Wishes) -> String {
    let has = |path: &&crate::document::FieldPath| {
        fields.leaves.iter().any(|leaf| leaf.path == path.segments())
    };
    let told = wishes.subjects.iter().find(has).map(|path| path.segments().to_vec());
    let likely = || fields.leaves.iter().filter(|leaf| guess::is_iin(leaf)).map(|leaf| &leaf.path);
    let many = |path: &Path| path.contains(&Segment::Every);
    let mut text = String::new();
    if let Some(path) = told {
        let (records, own) = parted(&path);
        if many(&path) {
            let _ = writeln!(text, "subjects = {}", string(&shown(records)));
        }
        let _ = writeln!(text, "subject = {}", string(&shown(own)));
        if many(&path) {
            text.push_str(ON_REFUSED);
        }
    } else {
        let likely: Vec<&Path> = likely().take(LIKELY_MAX).collect();
        if fields.leaves.iter().any(|leaf| many(&leaf.path)) {
            text.push_str(SUBJECTS);
            text.push_str(ON_REFUSED);
        }
        text.push_str(
            "subject = \"\" # the path, from the record, of the value that says whose it is\n",
        );
        for path in likely {
            let (records, own) = parted(path);
            let (records, own) = (string(&shown(records)), string(&shown(own)));
            let records =
                if many(path) { format!("subjects = {records}, ") } else { String::new() };
            let _ = writeln!(text, "# likely: {records}subject = {own}");
        }
    }
    text.push_str("scheme = \"\" # the kind of that value, such as \"kz-iin\"\n");
    text
}

/// The path of the records, and the rest from there.
fn parted(path: &Path) -> (&[Segment], &[Segment]) {
    let after = path.iter().rposition(|step| *step == Segment::Every).map_or(0, |at| at + 1);
    path.split_at(after)
}

fn shown(path: &[Segment]) -> String {
    let steps: Vec<String> = path.iter().map(ToString::to_string).collect();
    format!("${}", steps.concat())
}

fn required(fields: &Fields) -> String {
    let needed = fields.leaves.iter().filter(|leaf| leaf.required && !leaf.read_only);
    let needed: Vec<String> = needed.map(|leaf| string(&shown(&leaf.path))).collect();
    if needed.is_empty() {
        return String::new();
    }
    let mut text = String::from("# What the document requires; list what the route maps of it.\n");
    let _ = writeln!(text, "# required = [{}]", needed.join(", "));
    text
}

fn field_map(fields: &Fields) -> String {
    let mut text = String::from("[route.fields]\n");
    let mut mapped = 0_usize;
    for leaf in &fields.leaves {
        let path = string(&shown(&leaf.path));
        let about = about(leaf);
        match guessed(leaf).filter(|_| mapped < FIELDS_MAX) {
            Some(guess) => {
                mapped += 1;
                let why = string(&guess.why);
                let category = guess.category;
                let _ = writeln!(
                    text,
                    "{path} = {{ category = \"{category}\", guess = {why} }} # {about}"
                );
            }
            None => {
                let _ = writeln!(text, "# {path} = \"\" # {about}");
            }
        }
    }
    for (path, why) in &fields.gaps {
        let _ = writeln!(text, "# {}: {why}", string(&shown(path)));
    }
    if fields.cut {
        text.push_str("# The document has more fields than are looked at.\n");
    }
    text
}

fn guessed(leaf: &Leaf) -> Option<guess::Guess> {
    let maps = !leaf.read_only && !leaf.contains_others && !leaf.path.is_empty();
    guess::category(leaf).filter(|_| maps)
}

fn about(leaf: &Leaf) -> String {
    let mut words: Vec<String> = leaf.kinds.iter().cloned().collect();
    words.extend(leaf.formats.iter().map(|format| comment(format)));
    let said = [
        (leaf.required, "required"),
        (leaf.read_only, "only in answers"),
        (leaf.contains_others, "or an object or array, of which the other lines tell"),
    ];
    words.extend(said.iter().filter(|(so, _)| *so).map(|(_, word)| (*word).to_owned()));
    words.join(", ")
}

const ENTRY: &str = r#"
seat = "" # country of registration, ISO 3166-1, such as "KZ" (94-V Art. 12(2), 16(1))
processing = [""] # countries where the data are worked on
storage = [""] # countries where they are kept
type = "" # "third-party", "processor", "state-body" or "public-source"
party_id = "" # BIN of 12 digits; abroad the country, "-" and the registration number
name = "" # legal name in full
address = "" # postal address
contact = "" # e-mail address, telephone number with "+", or https URL
# Who answers for personal data there; where the partner is told to stop, and in how many days it
# confirms (94-V Art. 8(7)); where and in how many hours it tells of a breach (94-V Art. 25(2)(8)).
responsible = { name = "", phone = "", email = "" }
stop_notice = { contact = "", confirm_days = "" }
breach = { contact = "", notice_hours = "" }

status = "" # "active", or "suspended" to stop all transfers (94-V Art. 22(2))
valid_from = "" # first day, such as 2026-09-01
valid_to = "" # last day
review_due = "" # last day by which the entry is reviewed
approved_by = ["", ""] # two persons or more (94-V Art. 25(2)(1))
onward_transfer = "" # false, unless the agreement lets it pass the data on (94-V Art. 11, 14, 15)
retention_days = "" # how many days it may keep the data, 1 to 36500 (94-V Art. 12(2))

# The agreement (94-V Art. 22(1)); `sha256` is that of its text.
[agreement]
number = ""
since = ""
until = ""
sha256 = ""

# The partner's undertaking; `duties` is "10", "11", "12(2)", "14", "15", "22", all of them
# (94-V Art. 10(1), 11(1)).
[undertaking]
since = ""
until = ""
duties = [""]

# The transfer impact assessment, which a partner with data abroad must have.
# [assessment]
# reference = ""
# date = ""
"#;

const CASES: &str = "
# `otkel check` also asks for a `[[case]]` that is allowed and one that is refused.
";

const SUBJECTS: &str = "\
# If the whole document is one subject's, remove `subjects` and `on_refused`.
subjects = \"\" # the path of the subjects' records
";

const ON_REFUSED: &str = "on_refused = \"\" # if a subject may not go: \"drop\" its record, or \
    \"refuse\" the transfer\n";

// Schemas of a document that are looked at, each as often as it is used.
const STEPS_MAX: usize = 50_000;

// What a route can map.
const FIELDS_MAX: usize = 256;

// Paths of likely identifiers that are named.
const LIKELY_MAX: usize = 3;

// A route's full name: the partner's, a dot, its own.
const NAME_CHARS_MAX: usize = 64;
const PARTNER_CHARS_MAX: usize = 32;
