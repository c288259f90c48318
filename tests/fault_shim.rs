//! The fault library does to a small program exactly what its plan says, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/fault.rs"]
mod fault;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use fault::Fault;

/// Writes `1`, `2`, `3` to a file, syncing after each; prints the name of the first error.
const THREE: &str = "
import errno, os, sys
fd = os.open(sys.argv[1] + '/log', os.O_RDWR | os.O_CREAT)
try:
    for n in b'123':
        os.write(fd, bytes([n]) * 4)
        os.fdatasync(fd)
except OSError as e:
    print(errno.errorcode[e.errno])
";

#[test]
fn without_a_plan_nothing_happens() {
    let world = World::new("calm");
    assert_eq!(world.run(THREE).said, "");
    assert_eq!(world.log(), "111122223333");
}

#[test]
fn the_nth_write_and_all_later_ones_fail() {
    for error in ["ENOSPC", "EROFS", "EIO"] {
        let world = World::new(error);
        world.fault.plan(&format!("fail write 2 {error}"));
        assert_eq!(world.run(THREE).said, error);
        assert_eq!(world.log(), "1111");
    }
}

#[test]
fn every_way_to_change_a_file_fails() {
    let world = World::new("ways");
    world.fault.plan("fail write 1 ENOSPC");
    let ways = "
import os, sys
fd = os.open(sys.argv[1] + '/log', os.O_RDWR | os.O_CREAT)
ways = [lambda: os.write(fd, b'x'), lambda: os.writev(fd, [b'x']), lambda: os.pwrite(fd, b'x', 9),
        lambda: os.pwritev(fd, [b'x'], 9, 0), lambda: os.ftruncate(fd, 9),
        lambda: os.posix_fallocate(fd, 0, 9)]
for number, way in enumerate(ways):
    try:
        way()
        print('way', number, 'passed')
    except OSError:
        pass
";
    assert_eq!(world.run(ways).said, "");
    assert_eq!(world.log(), "");
}

#[test]
fn a_sync_fails_and_leaves_nothing_durable() {
    let world = World::new("sync");
    world.fault.plan("fail sync 2 EIO");
    assert_eq!(world.run(THREE).said, "EIO");
    assert_eq!(world.log(), "11112222");
    assert_eq!(world.durable("log"), Some("1111".to_owned()));
}

#[test]
fn files_elsewhere_and_pipes_are_left_alone() {
    let world = World::new("elsewhere");
    world.fault.plan("fail any 1 EIO");
    let elsewhere = "
import os, sys
with open(sys.argv[1] + '-elsewhere', 'w') as file:
    file.write('kept')
    os.fsync(file.fileno())
print('written')
";
    assert_eq!(world.run(elsewhere).said, "written");
    let path = format!("{}-elsewhere", world.folder.display());
    assert_eq!(fs::read_to_string(path).unwrap(), "kept");
}

#[test]
fn the_plan_changes_while_the_program_runs() {
    let world = World::new("changes");
    let control = world.folder.with_file_name("data.plan");
    let program = format!(
        "
import os, sys
fd = os.open(sys.argv[1] + '/log', os.O_RDWR | os.O_CREAT)
def attempt():
    try:
        os.write(fd, b'x')
        print('y', end='')
    except OSError:
        print('n', end='')
for plan in ['', 'fail write 2', 'fail write 1', '']:
    open('{}', 'w').write(plan)
    attempt(), attempt()
",
        control.display()
    );
    assert_eq!(world.run(&program).said, "yyynnnyy");
}

#[test]
fn a_kill_lands_at_every_point_in_turn() {
    let expected = ["", "1111", "1111", "11112222", "11112222", "111122223333"];
    for (before, left) in expected.iter().enumerate() {
        let world = World::new(&format!("kill-{before}"));
        world.fault.plan(&format!("kill any {}", before + 1));
        assert_eq!(world.run(THREE).status.signal(), Some(9));
        assert_eq!(world.log(), *left);
    }
    let world = World::new("kill-none");
    world.fault.plan("kill any 7");
    assert_eq!(world.run(THREE).status.code(), Some(0));
}

#[test]
fn a_torn_write_leaves_half_of_its_bytes() {
    let world = World::new("torn");
    world.fault.plan("tear write 2");
    assert_eq!(world.run(THREE).status.signal(), Some(9));
    assert_eq!(world.log(), "111122");
}

#[test]
fn a_kill_lands_between_a_record_and_the_send() {
    let program = "
import os, socket, sys
fd = os.open(sys.argv[1] + '/log', os.O_RDWR | os.O_CREAT)
here, there = socket.socketpair()
there.setblocking(False)
def received():
    try:
        return there.recv(9).decode()
    except BlockingIOError:
        return '-'
sends = [here.send, lambda b: here.sendmsg([b]), lambda b: os.write(here.fileno(), b)]
for n, send in enumerate(sends):
    os.pwrite(fd, b'r', n)
    send(b's')
    os.pwrite(fd, received().encode(), 10 + n)
";
    for nth in 1..=3 {
        let world = World::new(&format!("send-{nth}"));
        world.fault.plan(&format!("kill send {nth}"));
        assert_eq!(world.run(program).status.signal(), Some(9));
        let log = world.log();
        assert_eq!(log.matches('r').count(), nth, "recorded");
        assert_eq!(log.matches('s').count(), nth - 1, "received");
    }
}

#[test]
fn a_power_cut_keeps_what_was_synced_only() {
    let world = World::new("power");
    let program = "
import os, sys
os.chdir(sys.argv[1])
def write(name, text):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(fd, text)
    return fd
fd = write('synced', b'one'); os.fsync(fd); os.write(fd, b' two')
write('never', b'lost')
os.mkdir('sub'); os.fsync(write('sub/deep', b'deep'))
os.fsync(write('kept', b'kept')); os.unlink('kept')
os.fsync(write('old.tmp', b'old')); os.rename('old.tmp', 'old')
os.fsync(write('old.tmp', b'again'))
";
    assert_eq!(world.run(program).said, "");
    assert_eq!(world.durable("synced"), Some("one".to_owned()));
    assert_eq!(world.durable("never"), None);
    assert_eq!(world.durable("sub/deep"), Some("deep".to_owned()));
    assert_eq!(world.durable("kept"), Some("kept".to_owned()), "the folder was not synced");
    assert_eq!(world.durable("old"), Some("old".to_owned()), "the name was used anew and synced");
    assert_eq!(world.durable("old.tmp"), Some("again".to_owned()));
}

#[test]
fn names_are_durable_once_their_folder_is_synced() {
    let world = World::new("names");
    let program = "
import os, sys
os.chdir(sys.argv[1])
def write(name, text):
    fd = os.open(name, os.O_WRONLY | os.O_CREAT)
    os.write(fd, text)
    return fd
os.fsync(write('gone', b'gone')); os.unlink('gone')
os.fsync(write('new.tmp', b'new')); os.rename('new.tmp', 'new')
write('empty', b'lost')
os.fsync(os.open('.', os.O_RDONLY))
os.fsync(write('late.tmp', b'late')); os.rename('late.tmp', 'late')
";
    assert_eq!(world.run(program).said, "");
    assert_eq!(world.durable("gone"), None);
    assert_eq!(world.durable("new"), Some("new".to_owned()));
    assert_eq!(world.durable("new.tmp"), None);
    assert_eq!(world.durable("empty"), Some(String::new()));
    assert_eq!(world.durable("late"), None);
    assert_eq!(world.durable("late.tmp"), Some("late".to_owned()));
}

/// A folder with faults over it.
struct World {
    folder: PathBuf,
    fault: Fault,
}

/// How a program ended, and what it printed.
struct End {
    status: ExitStatus,
    said: String,
}

impl World {
    fn new(name: &str) -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault").join(name);
        let _ = fs::remove_dir_all(&base);
        let folder = base.join("data");
        fs::create_dir_all(&folder).unwrap();
        let fault = Fault::over(&folder);
        Self { folder, fault }
    }

    fn run(&self, program: &str) -> End {
        let mut command = self.fault.command("python3");
        let output = command.args(["-c", program]).arg(&self.folder).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "");
        let said = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        End { status: output.status, said }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap().replace('\0', "")
    }

    fn durable(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.fault.shadow().join(name)).ok()
    }
}
