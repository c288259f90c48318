//! The program itself, serving.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use super::World;

/// A running `otkel serve`; it is killed if the test ends before it does.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) log: Log,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The file that its standard error goes to.
pub(crate) struct Log(PathBuf);

impl Log {
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}

impl Process {
    pub(super) fn start(world: &World, arguments: &[&str]) -> Self {
        let log = world.folder().join("log");
        let mut child = world
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(Ok(told)) = lines.next() else { panic!("{}", Log(log).text()) };
        let rest = told.strip_prefix("listening on https://").unwrap();
        let (address, admin) = rest.split_once(", admin on http://").unwrap();
        let (address, admin) = (address.parse().unwrap(), admin.parse().unwrap());
        Self { address, admin, log: Log(log), child, lines }
    }

    /// Asks it to end, and waits until it says that it heard.
    pub(crate) fn terminate(&mut self) -> String {
        self.signal("TERM");
        self.lines.next().unwrap().unwrap()
    }

    /// Sends it a signal: `TERM`, `HUP`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(sent.unwrap().success());
    }

    /// The most memory that it has had resident so far, in KiB.
    pub(crate) fn resident_max(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
