//! A peer's process: started, measured from outside, and stopped when dropped.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A process that accepts connections.
pub(crate) struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    /// Starts a process, its output going to a log, and waits until it accepts connections.
    pub(crate) fn start(
        mut command: Command,
        address: SocketAddr,
        log: &Path,
    ) -> Result<Self, String> {
        let output = fs::File::create(log).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut running = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Ok(Some(status)) = running.child.try_wait() {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("it ended with {status}: {}", said.trim()));
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(running);
            }
            sleep(Duration::from_millis(50));
        }
        Err(format!("nothing listens on {address}; see {}", log.display()))
    }

    /// Where it accepts connections.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time of all its threads since it started, to the hundredth of a second.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name, second of the fields, is the only one that may hold spaces: proc(5).
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let ticks =
            after_name.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of this machine that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
