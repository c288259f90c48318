//! A disk that fails on command, a power cut, and a kill at an exact point, for one process.
//!
//! The work is done by a library that is preloaded into the process; `fault.c` beside this file
//! says what a plan may hold. It is compiled with `gcc` on first use.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Faults for the files of one folder.
pub(crate) struct Fault {
    folder: PathBuf,
    control: PathBuf,
    shadow: PathBuf,
}

impl Fault {
    /// Faults for the files below `folder`, which exists. The plan and the shadow lie beside it.
    pub(crate) fn over(folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap();
        let beside = |suffix: &str| {
            let mut name = folder.file_name().unwrap().to_owned();
            name.push(suffix);
            folder.with_file_name(name)
        };
        let fault = Self { control: beside(".plan"), shadow: beside(".shadow"), folder };
        fs::create_dir_all(&fault.shadow).unwrap();
        fault.calm();
        fault
    }

    /// Puts a plan in force, now and for processes that are already running; its counts start at 1.
    pub(crate) fn plan(&self, plan: &str) {
        let fresh = self.control.with_extension("fresh");
        fs::write(&fresh, plan).unwrap();
        fs::rename(&fresh, &self.control).unwrap();
    }

    /// Ends all faults.
    pub(crate) fn calm(&self) {
        self.plan("");
    }

    /// The folder that holds what a power cut would leave now.
    pub(crate) fn shadow(&self) -> &Path {
        &self.shadow
    }

    /// A command whose process, with its children, suffers the faults.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("LD_PRELOAD", library())
            .env("FAULT_DIR", &self.folder)
            .env("FAULT_CONTROL", &self.control)
            .env("FAULT_SHADOW", &self.shadow);
        command
    }
}

/// The compiled library.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libfault.so");
        // Test binaries may run at once: each compiles its own and puts it in place in one step.
        let fresh = library.with_extension(std::process::id().to_string());
        let status = Command::new("gcc")
            .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&fresh)
            .args([support.join("fault.c"), support.join("shadow.c")])
            .arg("-lpthread")
            .status()
            .unwrap();
        assert!(status.success(), "gcc: {status}");
        fs::rename(&fresh, &library).unwrap();
        library
    })
}
