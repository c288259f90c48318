//! The languages of the partner kit, each with its receivers ready to run.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use otkel::envelope::Kem;
use otkel::envelope::format::CHUNK;

/// A language whose tools are there.
pub(crate) struct Language {
    pub(crate) name: &'static str,
    /// Runs the receiver for one envelope: `KEY.pem ISS AUD METHOD PATH ID`.
    main: Vec<OsString>,
    /// Runs a receiver for many: `MODULE CASES`. Where there is none, `main` starts quickly.
    drive: Option<Vec<OsString>>,
    /// Does the jobs of the other examples, where it has these: `JOBS`.
    talk: Option<Vec<OsString>>,
    /// Its receivers' modules, with what each opens.
    pub(crate) receivers: &'static [(&'static str, Opens)],
}

/// Whether a receiver opens envelopes of this mode and KEM, of this many bytes inside.
pub(crate) type Opens = fn(u8, Kem, usize) -> bool;

/// Every language whose tools are there; what is missing is said once, and is a failure where
/// `tests/run` has installed it.
pub(crate) static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let _ = fs::remove_dir_all(folder());
    let mut ready = Vec::new();
    for (name, make, cure) in MAKERS {
        match make() {
            Ok(language) => ready.push(language),
            Err(why) => {
                let text = format!("partner kit, {name}: {why}. Run tests/run, or {cure}");
                assert!(std::env::var_os("OTKEL_PARTNER_KIT").is_none(), "{text}");
                // Past the harness, which shows nothing of a test that passes.
                let _ = writeln!(std::io::stderr(), "\nNOT TESTED: {text}\n");
            }
        }
    }
    ready
});

type Made = Result<Language, String>;

/// What makes a language ready, and what helps where it does not.
type Maker = (&'static str, fn() -> Made, &'static str);

const MAKERS: [Maker; 4] = [
    ("Python", python, "name a Python with `pyhpke` in OTKEL_PYTHON"),
    ("Node", node, "npm install docs/partner/node/package.json's packages into target/node"),
    ("Go", go, "name a Go of 1.27 or later in OTKEL_GO"),
    ("Java", java, "install default-jdk-headless and libjackson2-databind-java"),
];

fn python() -> Made {
    let program = named("OTKEL_PYTHON", "target/venv/bin/python");
    run(
        &program,
        &[
            "-c",
            "import pyhpke, joserfc, http_message_signatures, cryptography.hazmat.primitives.hpke",
        ],
    )?;
    let with = |file: &str| vec![program.clone().into(), root().join(file).into()];
    Ok(Language {
        name: "Python",
        main: with("docs/partner/python/main.py"),
        drive: Some(with("tests/partner_kit/drive.py")),
        talk: Some(with("tests/partner_kit/talk.py")),
        receivers: &[
            ("receive", |mode, kem, _| mode == 1 && kem == Kem::X25519),
            ("modes", |mode, kem, length| match kem {
                Kem::X25519 => true,
                Kem::MlKem768X25519 => mode == 2 || mode == 1 && length < CHUNK,
            }),
        ],
    })
}

/// Node looks for packages beside the script that asks for them.
fn node() -> Made {
    let program = named("OTKEL_NODE", "node");
    let packages = root().join("target/node/node_modules");
    if !packages.join("http-message-signatures").exists() {
        return Err(format!("no {}", packages.display()));
    }
    let folder = folder().join("node");
    copy(&root().join("docs/partner/node"), &folder);
    for file in ["drive.mjs", "talk.mjs"] {
        fs::copy(root().join("tests/partner_kit").join(file), folder.join(file)).unwrap();
    }
    symlink(packages, folder.join("node_modules")).unwrap();
    run(&program, &["--version"])?;
    let with = |file: &str| vec![program.clone().into(), folder.join(file).into()];
    let (main, drive, talk) = (with("main.mjs"), Some(with("drive.mjs")), Some(with("talk.mjs")));
    let receivers: &[(_, Opens)] =
        &[("receive", |mode, kem, _| mode == 1 && kem == Kem::X25519), ("modes", |_, _, _| true)];
    Ok(Language { name: "Node", main, drive, talk, receivers })
}

fn go() -> Made {
    let program = named("OTKEL_GO", "target/venv/bin/go");
    let (source, binary) = (root().join("docs/partner/go"), folder().join("receive"));
    let mut command = Command::new(&program);
    command.current_dir(&source).args(["build", "-o"]).arg(&binary).arg(".");
    for (name, value) in [("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOFLAGS", "")] {
        command.env(name, value);
    }
    command.env("GOCACHE", root().join("target/go/cache"));
    finish(command.env("GOPATH", root().join("target/go")))?;
    let receivers: &[(_, Opens)] = &[("receive", |mode, _, _| mode == 1)];
    Ok(Language { name: "Go", main: vec![binary.into()], drive: None, talk: None, receivers })
}

fn java() -> Made {
    let classes = folder().join("java");
    fs::create_dir_all(&classes).unwrap();
    let jackson = ["databind", "core", "annotations"];
    let mut path = classes.clone().into_os_string();
    for jar in jackson.map(|part| format!("/usr/share/java/jackson-{part}.jar")) {
        if !Path::new(&jar).exists() {
            return Err(format!("no {jar}"));
        }
        path.push(":");
        path.push(jar);
    }
    let mut command = Command::new("javac");
    command.args(["-Xlint:all", "-Werror", "-d"]).arg(&classes).arg("-cp").arg(&path);
    for file in ["Receive", "Hpke", "Main"] {
        command.arg(root().join(format!("docs/partner/java/{file}.java")));
    }
    finish(command.arg(root().join("tests/partner_kit/Drive.java")))?;
    let with = |class: &str| vec!["java".into(), "-cp".into(), path.clone(), class.into()];
    let receivers: &[(_, Opens)] = &[("receive", |mode, kem, _| mode == 1 && kem == Kem::X25519)];
    Ok(Language {
        name: "Java",
        main: with("Main"),
        drive: Some(with("Drive")),
        talk: None,
        receivers,
    })
}

impl Language {
    /// Has a receiver open one envelope.
    pub(crate) fn receive(&self, envelope: &Path, key: &Path, request: &[&str]) -> Output {
        let mut command = command(&self.main);
        command.arg(key).args(request).stdin(fs::File::open(envelope).unwrap());
        command.output().unwrap()
    }

    /// Has a receiver open every envelope of a list; what it tells of each, in order.
    pub(crate) fn drive(&self, module: &str, cases: &Path) -> Vec<String> {
        let Some(drive) = &self.drive else { return self.receive_each(cases) };
        let output = finish(command(drive).arg(module).arg(cases)).unwrap();
        output.lines().map(str::to_owned).collect()
    }

    /// Does the jobs of a list, where it can; what it tells of each, in order.
    pub(crate) fn talk(&self, jobs: &Path) -> Option<Vec<String>> {
        let output = finish(command(self.talk.as_ref()?).arg(jobs)).unwrap();
        Some(output.lines().map(str::to_owned).collect())
    }

    fn receive_each(&self, cases: &Path) -> Vec<String> {
        let list = fs::read_to_string(cases).unwrap();
        let tell = |line: &str| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [envelope, key, request @ ..] = fields.as_slice() else { panic!("{line}") };
            let output = self.receive(Path::new(envelope), Path::new(key), request);
            if output.status.success() {
                super::sha256(&output.stdout)
            } else {
                String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
            }
        };
        list.lines().map(tell).collect()
    }
}

fn command(words: &[OsString]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command.env("PYTHONPATH", root().join("docs/partner/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn run(program: &Path, arguments: &[&str]) -> Result<String, String> {
    finish(Command::new(program).args(arguments))
}

/// What a program says when it ends well.
fn finish(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|why| format!("{program} does not run: {why}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program} fails: {}", told.trim_end()))
    }
}

/// The program that a variable names, or else this one: below the repository where it has a slash.
fn named(variable: &str, program: &str) -> PathBuf {
    let usual = || if program.contains('/') { root().join(program) } else { program.into() };
    std::env::var_os(variable).map_or_else(usual, PathBuf::from)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Where everything is that the tests make.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("partner-kit")
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
