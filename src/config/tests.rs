use super::*;
use crate::time::Timestamp;
use crate::transfer::tests::partner;

const GOOD: &str = r#"
[gateway]
name = "gw.example.kz"
hosts = ["gw.example.kz", "localhost"]
listen = "127.0.0.1:8443"
policies = "policies"

[tls]
certificate = "gw.pem"
key = "gw.key"
client_ca = "ca.pem"

[store]
path = "otkel.db"
secret = "store.secret"
country = "KZ"

[ledger]
key = "ledger.key"
checkpoint = "/mnt/elsewhere/checkpoint"

[admin]
listen = "127.0.0.1:8444"

[[admin.officer]]
name = "officer"
token_file = "officer.token"

[[caller]]
name = "lms"
certificate = "lms.example.kz"
routes = ["training-gb.enrol"]
requests_per_minute = 600

[partner.training-gb]
ca = "partner-ca.pem"
certificate = "gw-client.pem"
key = "gw-client.key"
identity = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
keys = "training-gb.keys.jws"
keys_at = "/keys"
credential = { header = "Authorization", file = "training-gb.token" }

[resolve]
"api.training.example:443" = "127.0.0.1:9001"
"#;

fn read(text: &str) -> Result<Config, String> {
    Config::read("gateway.toml", text, Path::new("/etc/otkel")).map_err(|d| d.to_string())
}

#[test]
fn a_whole_file_is_read_and_its_paths_start_at_its_folder() {
    let config = read(GOOD).unwrap();
    assert_eq!(config.store, Path::new("/etc/otkel/otkel.db"));
    assert_eq!(config.checkpoint, Path::new("/mnt/elsewhere/checkpoint"));
    let caller = &config.callers["lms.example.kz"];
    assert_eq!((caller.name.as_str(), caller.requests_per_minute), ("lms", Some(600)));
    let (header, _) = config.partners.values().next().unwrap().credential.clone().unwrap();
    assert_eq!(header, "authorization");
    let partner = config.partners.values().next().unwrap();
    assert_eq!(partner.identity.to_string(), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    assert_eq!(partner.keys_at.as_deref(), Some("/keys"));
}

#[test]
fn each_mistake_is_named_with_its_line_and_cure() {
    let cases = [
        ("127.0.0.1:8443", "localhost:8443", "gateway.toml:5:10", "write an IP address"),
        ("127.0.0.1:8444", "0.0.0.0:8444", "gateway.toml:23:10", "loopback"),
        ("\"KZ\"", "\"DE\"", "gateway.toml:16:11", "94-V Art. 12(2)"),
        ("hosts = [\"gw", "hosts = [\"GW", "gateway.toml:4:10", "lower case"),
        ("client_ca", "clientca", "gateway.toml:11:1", "client_ca"),
        ("\"Authorization\"", "\"Host\"", "credential", "header"),
        ("minute = 600", "minute = 0", "gateway.toml:33:23", "remove the line to set no limit"),
        ("api.training.example:443", "api.training.example", "gateway.toml:45:1", "host:port"),
        ("HURo=", "HURo", "gateway.toml:39:12", "`otkel keygen partner` printed"),
        ("\"11qY", "\"AAAA", "gateway.toml:39:12", "`otkel keygen partner` printed"),
        ("\"/keys\"", "\"keys\"", "gateway.toml:41:11", "/.well-known/otkel/keys"),
    ];
    for (from, to, place, words) in cases {
        let said = read(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(said.contains(place) && said.contains(words), "{from} -> {to}:\n{said}");
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let said = read(&GOOD.replace("127.0.0.1", "nowhere")).unwrap_err();
    assert_eq!(said.matches("not an address").count(), 3, "{said}");
}

#[test]
fn an_unknown_limit_is_refused() {
    let said = read(&format!("{GOOD}\n[limits]\nbody_byte_max = 3\n")).unwrap_err();
    assert!(said.contains("body_byte_max"), "{said}");
}

#[test]
fn names_that_the_rules_do_not_have_are_shown_where_they_stand() {
    let rules = crate::transfer::tests::rules();
    let more = "\n[partner.nobody]\nca = \"c\"\ncertificate = \"c\"\nkey = \"k\"\nkeys = \"l\"\n\
        identity = \"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n";
    let text = format!("{}{more}", GOOD.replace("training-gb.enrol", "training-gb.enroll"));
    let said = read(&text).unwrap().fits(&rules).unwrap_err().to_string();
    for words in [
        "gateway.toml:32:11",
        "warning: no partner's file declares the route `training-gb.enroll`",
        "warning: the rules have no partner `nobody`",
        "error: the partner `mailing-de` of the rules is missing here",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
}

#[test]
fn a_recipient_of_the_rules_has_its_keys_here() {
    let payroll = Name::parse("payroll").unwrap();
    let recipient = crate::policy::Recipient { title: "Payroll".to_owned(), line: 1 };
    let rules = crate::transfer::tests::changed(|policy| {
        partner(policy, "training-gb").recipients.insert(payroll.clone(), recipient);
    });
    let with = |more: &str| {
        let config = read(&format!("{GOOD}\n{more}")).unwrap();
        let said = config.fits(&rules).unwrap_err().to_string();
        (config, said)
    };
    let (_, said) = with("");
    assert!(said.contains("error: the recipient `payroll` of `training-gb` is missing here"));
    assert!(said.contains("help: add `[partner.training-gb.recipient.payroll]` with its keys"));
    let (config, said) = with(
        "[partner.training-gb.recipient.payroll]\nkeys = \"payroll.keys.jws\"\n\
         [partner.training-gb.recipient.archive]\nkeys = \"archive.keys.jws\"",
    );
    let files = &config.partners[&Name::parse("training-gb").unwrap()];
    assert_eq!(files.recipients[&payroll], Path::new("/etc/otkel/payroll.keys.jws"));
    assert!(!said.contains("`payroll`"), "{said}");
    assert!(said.contains("the partner `training-gb` has no recipient `archive`"), "{said}");
}

#[test]
fn signatures_are_asked_for_only_of_officers_who_can_give_them() {
    let key = |seed| {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        data_encoding::BASE64.encode(secret.verifying_key().as_bytes())
    };
    let officer = |name: &str, key: &str| {
        format!(
            "[[admin.officer]]\nname = \"{name}\"\ntoken_file = \"t\"\npublic_key = \"{key}\"\n"
        )
    };
    let with = |officers: &[String], rules: &str| {
        read(&format!("{GOOD}\n{}\n[rules]\n{rules}\n", officers.concat()))
    };
    let (one, two) = (officer("aigul", &key(1)), officer("daniyar", &key(2)));
    let config = with(&[one.clone(), two], "signatures = 2\nreport_mode = \"forbidden\"").unwrap();
    assert_eq!((config.rules.signatures, config.rules.watch), (2, true));
    assert_eq!(config.rules.report_mode, ReportMode::Forbidden);
    let default = read(GOOD).unwrap().rules;
    assert_eq!((default.signatures, default.report_mode), (0, ReportMode::Allowed));
    let cases = [
        (vec![one.clone()], "signatures = 2", "2 signatures are asked for and 1 can be given"),
        (vec![one.clone(), officer("b", &key(1))], "", "this is the key of `aigul` too"),
        (vec![one.clone(), officer("aigul", &key(2))], "", "this name is taken"),
        (vec![officer("b", "c")], "", "not an Ed25519 public key"),
        (vec![], "report_mode = \"never\"", "allowed"),
        (vec![], "watched = true", "did you mean `watch`?"),
    ];
    for (officers, rules, words) in cases {
        let said = with(&officers, rules).unwrap_err();
        assert!(said.contains(words), "{words}:\n{said}");
    }
}

#[test]
fn a_signing_key_is_in_a_file_or_a_token_and_has_its_time() {
    let token = "pkcs11 = { module = \"/usr/lib/p11.so\", token = \"hsm\", id = \"0aF0\", \
                 pin_file = \"pin\" }";
    let keys = format!(
        "\n[signing]\nkeys = [{{ file = \"a.key\", until = 2026-12-01T00:00:00+05:00 }}, {{ \
         {token}, from = 2026-11-01T00:00:00Z }}]\n"
    );
    let config = read(&format!("{GOOD}{keys}")).unwrap();
    let time = |text: &str| Timestamp::parse(text).unwrap();
    let hsm = TokenKey {
        module: "/usr/lib/p11.so".into(),
        token: "hsm".to_owned(),
        key: TokenObject::Id(vec![0x0a, 0xf0]),
        pin_file: "/etc/otkel/pin".into(),
    };
    let file = ScheduledKey {
        source: KeySource::File("/etc/otkel/a.key".into()),
        from: Timestamp::EPOCH,
        until: Some(time("2026-11-30T19:00:00Z")),
    };
    let from = time("2026-11-01T00:00:00Z");
    let scheduled = ScheduledKey { source: KeySource::Token(hsm.clone()), from, until: None };
    assert_eq!(config.signing, [file, scheduled]);
    let ledger = GOOD.replace("key = \"ledger.key\"", token);
    assert_eq!(read(&ledger).unwrap().ledger_key, KeySource::Token(hsm));
    let cases = [
        ("file = \"a.key\"", format!("file = \"a.key\", {token}"), "not in both"),
        ("file = \"a.key\", ", String::new(), "where the key is kept"),
        ("2026-12-01T00:00:00+05:00", "2026-12-01T00:00:00".to_owned(), "date, time and offset"),
        ("2026-12-01T00:00:00+05:00", "1969-12-01T00:00:00Z".to_owned(), "ends before it begins"),
        (", from = 2026-11-01T00:00:00Z", String::new(), "two keys begin at the same time"),
        ("id = \"0aF0\"", "id = \"0a0\"".to_owned(), "in hexadecimal"),
        ("id = \"0aF0\"", "id = \"\"".to_owned(), "in hexadecimal"),
        ("id = \"0aF0\"", "key = \"\"".to_owned(), "one label or one identifier"),
        ("id = \"0aF0\"", "key = \"a\", id = \"0a\"".to_owned(), "one label or one identifier"),
    ];
    for (from, to, words) in cases {
        assert!(keys.contains(from), "{from}");
        let said = read(&format!("{GOOD}{}", keys.replacen(from, &to, 1))).unwrap_err();
        assert!(said.contains(words), "{from} -> {to}:\n{said}");
    }
}
