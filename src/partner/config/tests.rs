use super::*;
use crate::config::TokenObject;

const GOOD: &str = r#"
[partner]
name = "training-gb"
hosts = ["api.training.example", "in.training.example:8443", "old.training.example:443"]
listen = "0.0.0.0:443"
taken = "taken.db"

[tls]
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"

[identity]
file = "identity.key"

[keys]
private = ["training-gb.key"]

[application]
address = "127.0.0.1:8080"

[[gateway]]
name = "gw.example.kz"
certificate = "GW-client.example.kz"
keys = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
"#;

fn read(text: &str) -> Result<Config, String> {
    Config::read("partner.toml", text, Path::new("/etc/otkel")).map_err(|found| found.to_string())
}

#[test]
fn a_whole_file_is_read_and_its_paths_start_at_its_folder() {
    let config = read(GOOD).unwrap();
    assert_eq!(config.taken, Path::new("/etc/otkel/taken.db"));
    assert_eq!(config.secrets, [Path::new("/etc/otkel/training-gb.key")]);
    assert_eq!(config.identity, KeySource::File("/etc/otkel/identity.key".into()));
    // As a request names it: without the port where that is 443.
    let hosts = ["api.training.example", "in.training.example:8443", "old.training.example"];
    assert_eq!(config.hosts, hosts);
    let gateway = &config.gateways[0];
    assert_eq!((&*gateway.certificate, gateway.signed), ("gw-client.example.kz", true));
    assert!(!config.as_it_comes);
    assert_eq!(config.status, None);
}

#[test]
fn an_identity_may_be_kept_in_a_token() {
    let token =
        "[identity]\npkcs11 = { module = \"a.so\", token = \"t\", id = \"0a\", pin_file = \"p\" }";
    let config = read(&GOOD.replace("[identity]\nfile = \"identity.key\"", token)).unwrap();
    let KeySource::Token(token) = config.identity else { panic!("{:?}", config.identity) };
    assert_eq!((token.key, token.module), (TokenObject::Id(vec![10]), "/etc/otkel/a.so".into()));
}

#[test]
fn an_application_beyond_this_machine_has_to_be_meant() {
    for address in ["10.0.0.7:8080", "0.0.0.0:8080", "app.internal:8080", "localhost:8080"] {
        let text = GOOD.replace("127.0.0.1:8080", address);
        let told = read(&text).unwrap_err();
        assert!(told.contains("would leave this machine in the clear"), "{told}");
        let meant = text.replace("[[gateway]]", "beyond_this_machine = true\n[[gateway]]");
        assert_eq!(read(&meant).unwrap().application, address);
    }
    for address in ["127.0.0.2:80", "[::1]:8080"] {
        assert!(read(&GOOD.replace("127.0.0.1:8080", address)).is_ok(), "{address}");
    }
}

#[test]
fn each_mistake_is_told_at_its_place_with_its_cure() {
    for (from, to, place, told) in [
        ("[partner]", "[partner]\nport = 1", "3:1", "unknown key `port`"),
        ("\"training-gb\"", "\"Training\"", "3:8", ""),
        ("\"0.0.0.0:443\"", "\"everywhere\"", "5:10", "not an address"),
        ("hosts = [", "hosts = []\n#", "4:9", "no host can be called"),
        ("api.training.example\"", "https://a\"", "4:10", "not a port"),
        ("in.training.example:8443", "in.training.example:0443", "4:34", "not a port"),
        ("api.training.example\"", "A.example\"", "4:10", "not a host name"),
        ("taken =", "status = \"0.0.0.0:1\"\ntaken =", "6:10", "health and counters"),
        ("file = \"identity.key\"", "", "13:1", "nothing says where the key is kept"),
        ("[\"training-gb.key\"]", "[]", "17:11", "no key can be sealed to"),
        ("127.0.0.1:8080", "8080", "20:11", "not a host name"),
        ("127.0.0.1:8080", "a:b", "20:11", "not `host:port`"),
        ("11qY", "22", "25:9", "not an Ed25519 public key"),
        ("keys = [\"11", "#", "22:1", "no key is known"),
        ("keys = [\"11", "list = \"a\"\n#", "22:1", "no key is known"),
        ("[[gateway]]", "[stream]\npass = \"now\"\n[[gateway]]", "23:8", ""),
        ("[[gateway]]", "[limits]\nkeep_s = 329\n[[gateway]]", "22:1", "would be forgotten"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let found = read(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(found.contains(&format!("partner.toml:{place}\n")), "{to}\n{found}");
        assert!(found.contains(told) && found.contains("help: "), "{found}");
    }
}

#[test]
fn no_two_gateways_can_be_taken_for_one_another() {
    let second = |name: &str, certificate: &str| {
        format!(
            "{GOOD}[[gateway]]\nname = \"{name}\"\ncertificate = \"{certificate}\"\n\
             signed = false\n"
        )
    };
    let told = read(&second("gw.example.kz", "b.example")).unwrap_err();
    assert!(told.contains("this name is taken"), "{told}");
    let told = read(&second("gw.other.kz", "gw-client.example.kz")).unwrap_err();
    assert!(told.contains("belongs to another gateway"), "{told}");
    assert_eq!(read(&second("gw.other.kz", "b.example")).unwrap().gateways.len(), 2);
}
