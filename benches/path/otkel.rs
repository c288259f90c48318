//! Otkel itself, with everything on: real rules, real consents, the real store.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use otkel::demo::certificates::write_secret;
use otkel::demo::world::ed25519_pem;
use otkel::gateway::SystemClock;
use otkel::keyfile;
use otkel::signing::{Sign as _, SigningKey};
use otkel::store::StoreSecret;
use otkel::time::Clock as _;

use crate::document::People;
use crate::running::{Running, free_address};
use crate::world::{CALLER, GATEWAY, PARTNER, PATH, World};

/// Imports everyone's consents, starts `otkel serve` and waits until it listens; `more` stands at
/// the end of the partner's file.
pub(crate) fn start(
    world: &World,
    people: &People,
    binary: &Path,
    more: &str,
) -> Result<Running, String> {
    let folder = world.folder.join(format!("otkel-{}-{}", people.iins().len(), more.len()));
    let address = free_address();
    set_up(world, &folder, &address.to_string(), more)
        .and_then(|()| write_consents(people, &folder.join("consents.ndjson")))
        .map_err(|error| error.to_string())?;
    let config = folder.join("gateway.toml");
    let mut import = Command::new(binary);
    import.args(["consent", "import", "--by", "bench", "--config"]).arg(&config);
    let begun = Instant::now();
    let imported =
        import.arg(folder.join("consents.ndjson")).output().map_err(|error| error.to_string())?;
    if !imported.status.success() {
        let said = String::from_utf8_lossy(&imported.stderr);
        return Err(said.lines().take(3).collect::<Vec<_>>().join("\n"));
    }
    let took = begun.elapsed();
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(&config).current_dir(&folder);
    let begun = Instant::now();
    let running = Running::start(command, address, &folder.join("log"))?;
    let said = String::from_utf8_lossy(&imported.stdout);
    eprintln!("otkel: {} in {took:.1?}, started in {:.1?}", said.trim(), begun.elapsed());
    Ok(running)
}

/// Writes the configuration, the keys and the rules.
fn set_up(world: &World, folder: &Path, address: &str, more: &str) -> std::io::Result<()> {
    let partners = folder.join("policies/partners");
    let notices = folder.join("policies/notices");
    fs::create_dir_all(&partners)?;
    fs::create_dir_all(&notices)?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    fs::copy(shipped.join("register.toml"), folder.join("policies/register.toml"))?;
    fs::copy(shipped.join("notices/2026-09.txt"), notices.join("2026-09.txt"))?;
    let partner = world.partner.address().to_string();
    let path = |path: std::path::PathBuf| path.display().to_string();
    let filled = |text: &str| {
        text.replace("@ADDRESS@", address)
            .replace("@ADMIN@", &free_address().to_string())
            .replace("@CA@", &path(world.ca()))
            .replace("@CALLER@", CALLER)
            .replace("@CERTIFICATE@", &path(world.certificate(GATEWAY)))
            .replace("@GATEWAY@", GATEWAY)
            .replace("@KEY@", &path(world.key(GATEWAY)))
            .replace("@PARTNER@", PARTNER)
            .replace("@PARTNER_ADDRESS@", &partner)
            .replace("@PATH@", PATH)
    };
    let identity_pem = ed25519_pem().unwrap();
    let identity = SigningKey::from_pem(&identity_pem).unwrap();
    let config = filled(include_str!("gateway.toml"));
    let config = config.replace("@IDENTITY@", &keyfile::identity_line(identity.key()));
    fs::write(folder.join("gateway.toml"), config)?;
    write_secret(&folder.join("partner.identity.key"), identity_pem.as_bytes())?;
    fs::write(partners.join("partner.toml"), filled(include_str!("partner.toml")) + more)?;
    let now = SystemClock.now();
    let until = now.plus_millis(24 * 3600 * 1000);
    let (pem, key) = keyfile::generate(otkel::envelope::Kem::X25519, now, until).unwrap();
    write_secret(&folder.join("partner.key"), pem.as_bytes())?;
    let list = keyfile::list_with(None, "partner", key, &identity, now).unwrap();
    fs::write(folder.join("partner.keys.jws"), list)?;
    StoreSecret::create(&folder.join("store.secret")).unwrap();
    for key in ["ledger.key", "signing.key"] {
        write_secret(&folder.join(key), ed25519_pem().unwrap().as_bytes())?;
    }
    Ok(())
}

fn write_consents(people: &People, path: &Path) -> std::io::Result<()> {
    let template = include_str!("consent.json").replace('\n', "");
    let until = SystemClock.now().plus_millis(YEAR_MILLIS);
    let template = template.replace("@UNTIL@", &until.to_string());
    let mut file = BufWriter::new(fs::File::create(path)?);
    for (number, iin) in people.iins().iter().enumerate() {
        let record = format!("01920000-0000-7000-8000-{number:012}");
        writeln!(file, "{}", template.replace("@RECORD@", &record).replace("@IIN@", iin))?;
    }
    file.flush()
}

/// What a partner's file says where agreements are kept.
pub(crate) const KEPT: &str = "\n[envelope]\nkept = { seconds = 60, messages = 1000000 }\n";
const YEAR_MILLIS: i64 = 365 * 24 * 3600 * 1000;
