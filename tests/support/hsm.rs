//! A `SoftHSM` of the test's own. Its driver takes the place of its tokens from the environment, so
//! each test runs in a process of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use otkel::config::{TokenKey, TokenObject};
use otkel::demo::certificates::write_secret;

/// A folder with one token, `TOKEN`, that has the PIN `PIN`.
pub(crate) struct Hsm {
    pub(crate) folder: PathBuf,
}

pub(crate) const TOKEN: &str = "gateway";
pub(crate) const PIN: &str = "58134679";

impl Hsm {
    /// Runs the test called `name` by its `body`, in another process.
    pub(crate) fn run(name: &str, body: impl FnOnce(&Self)) {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return body(&Self { folder: folder.into() });
        }
        let folder = std::env::temp_dir().join(format!("otkel-hsm-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("tokens")).unwrap();
        let settings = format!("directories.tokendir = {}\n", folder.join("tokens").display());
        let hsm = Self { folder };
        fs::write(hsm.settings(), settings).unwrap();
        write_secret(&hsm.pin_file(), format!("{PIN}\n").as_bytes()).unwrap();
        let made = ["--init-token", "--free", "--label", TOKEN, "--so-pin", "12345678"];
        hsm.util(&[&made[..], &["--pin", PIN]].concat());
        let ran = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(FOLDER, &hsm.folder)
            .env(SETTINGS, hsm.settings())
            .output()
            .unwrap();
        let said = said(&ran);
        assert!(ran.status.success() && said.contains(" 1 passed"), "{said}");
        assert!(!said.contains(PIN), "{said}");
        fs::remove_dir_all(&hsm.folder).unwrap();
    }

    /// Puts a private key (PKCS#8 PEM) into the token.
    pub(crate) fn import(&self, pem: &str, label: &str, id: &str) {
        let file = self.folder.join(format!("{id}.pem"));
        write_secret(&file, pem.as_bytes()).unwrap();
        let file = file.to_str().unwrap();
        self.util(&[
            "--import", file, "--token", TOKEN, "--pin", PIN, "--label", label, "--id", id,
        ]);
    }

    /// The key with a label.
    pub(crate) fn key(&self, label: &str) -> TokenKey {
        TokenKey {
            module: module(),
            token: TOKEN.to_owned(),
            key: TokenObject::Label(label.to_owned()),
            pin_file: self.pin_file(),
        }
    }

    /// The table that names the key with a label in a configuration.
    pub(crate) fn table(&self, label: &str) -> String {
        let TokenKey { module, token, pin_file, .. } = self.key(label);
        let (module, pin_file) = (module.display(), pin_file.display());
        format!(
            "pkcs11 = {{ module = \"{module}\", token = \"{token}\", key = \"{label}\", \
             pin_file = \"{pin_file}\" }}"
        )
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.join("softhsm.conf")
    }

    pub(crate) fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }

    /// Writes another PIN into the file, which the token does not know.
    pub(crate) fn write_pin(&self, pin: &str) {
        fs::write(self.pin_file(), pin).unwrap();
    }

    pub(crate) fn open_to_others(&self, mode: u32) {
        fs::set_permissions(self.pin_file(), Permissions::from_mode(mode)).unwrap();
    }

    fn util(&self, arguments: &[&str]) {
        let mut util = Command::new("softhsm2-util");
        util.args(arguments).env(SETTINGS, self.settings());
        let ran = util.output().unwrap_or_else(|why| panic!("softhsm2-util: {why}. {CURE}"));
        assert!(ran.status.success(), "{}", said(&ran));
    }
}

/// The driver, where Debian, its derivatives and others put it.
pub(crate) fn module() -> PathBuf {
    let named = std::env::var_os("OTKEL_SOFTHSM").map(PathBuf::from);
    let known = ["/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/local/lib/softhsm", "/usr/lib64"];
    let known = known.iter().map(|folder| Path::new(folder).join("libsofthsm2.so"));
    let found = named.into_iter().chain(known).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("libsofthsm2.so is nowhere. {CURE}"))
}

fn said(ran: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    format!("{out}{err}")
}

const FOLDER: &str = "OTKEL_TEST_HSM";
/// The variable that names the settings of `SoftHSM`.
pub(crate) const SETTINGS: &str = "SOFTHSM2_CONF";
const CURE: &str = "Run tests/run, which installs SoftHSM 2, or install it (Debian: softhsm2) and \
                    name its driver in OTKEL_SOFTHSM";
