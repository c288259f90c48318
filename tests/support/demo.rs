//! `otkel demo`, running as in the README, and what its mock partners say.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A demonstration that ends with the test, however that ends.
pub(crate) struct Demo {
    /// The gateway's port; the admin API is on the next one.
    pub(crate) port: u16,
    /// Where it was started.
    pub(crate) folder: PathBuf,
    child: Child,
    said: Receiver<String>,
}

impl Demo {
    /// Starts it in a folder of its own, and waits until it takes transfers.
    pub(crate) fn start(name: &str) -> Self {
        let (folder, port) = (folder(name), free_ports());
        let mut child = Command::new(env!("CARGO_BIN_EXE_otkel"))
            .args(["demo", "--port", &port.to_string()])
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let mut demo = Self { port, folder, child, said };
        demo.says(|line| line.contains("Ctrl-C ends it"));
        demo
    }

    /// Waits for a line that fits.
    #[track_caller]
    pub(crate) fn says(&mut self, fits: impl Fn(&str) -> bool) -> String {
        let mut others = Vec::new();
        while let Ok(line) = self.said.recv_timeout(Duration::from_mins(1)) {
            if fits(&line) {
                return line;
            }
            others.push(line);
        }
        panic!("it does not say that, but: {}", others.join("\n"));
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A new folder with the rules that are shipped.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/policies"), folder.join("policies")).unwrap();
    folder
}

/// A port that is free, and whose next one is too.
fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}
