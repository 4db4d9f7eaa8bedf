//! The room's name in the local network, as Avahi on another machine finds it: machines and cables are namespaces of the test's own.

use crate::support::{DEADLINE, Output, Process, Signal, installed, on_ci};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A switch, to which machines are plugged.
struct Switch(Machine);

/// A machine without anything: a process that keeps its namespaces.
struct Machine {
    keeper: Child,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

impl Machine {
    /// Kept by a shell that has done `script` when this returns.
    fn keep(mut command: Command, script: &str) -> Machine {
        let command = command.args(["sh", "-c", &format!("{script} && echo ready && exec cat")]);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut ready = [0; 6];
        let out = keeper.stdout.as_mut().expect("a pipe");
        std::io::Read::read_exact(out, &mut ready).unwrap_or_else(|error| panic!("{script}: {error}"));
        Machine { keeper }
    }

    /// A command on this machine.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.keeper.id().to_string(),
            "--user",
            "--preserve-credentials",
            "--net",
            "--mount",
        ]);
        command.arg("--").arg(program);
        command
    }

    fn run(&self, script: &str) -> String {
        let output = self.command("sh").args(["-c", script]).output().expect("a shell");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// A room on this machine; what it logs is waited for.
    fn room(&self, folder: &Path, arguments: &[&str]) -> Process {
        let mut command = self.command(env!("CARGO_BIN_EXE_chat-app"));
        let database = folder.join(format!("{}.db", arguments.join("")));
        Process::spawn(
            command.args(["--no-open", "--log-level", "debug", "--database"]).arg(database).args(arguments),
        )
    }
}

impl Switch {
    /// None where the system lets nobody make one, or lacks what it takes.
    fn new() -> Option<Switch> {
        for tool in ["ip", "nsenter", "avahi-daemon", "avahi-resolve", "dbus-daemon", "curl"] {
            installed(tool)?;
        }
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--net", "--mount"]);
            command
        };
        let can = unshare().args(["ip", "link", "add", "switch", "type", "bridge"]).output();
        if !can.is_ok_and(|output| output.status.success()) {
            assert!(!on_ci(), "this test needs namespaces and bridges");
            println!("skipped: this system lets nobody make networks");
            return None;
        }
        let script = "ip link add switch type bridge && ip link set switch up";
        Some(Switch(Machine::keep(unshare(), script)))
    }

    fn machine(&self) -> Machine {
        let mut command = self.0.command("unshare");
        command.args(["--net", "--mount"]);
        Machine::keep(command, "mount -t tmpfs none /run && ip link set lo up")
    }

    /// A cable from here to a card of the machine's.
    fn plug(&self, machine: &Machine, card: &str, address: &str) {
        let id = machine.keeper.id();
        self.0.run(&format!(
            "ip link add {card}-{id} type veth peer name {card} netns {id} && ip link set {card}-{id} master switch up"
        ));
        machine.run(&format!("ip addr add {address}/24 dev {card} && ip link set {card} up"));
    }
}

/// A machine on which Avahi answers and asks.
struct Phone {
    machine: Machine,
    folder: TempDir,
    running: Vec<Process>,
}

impl Phone {
    fn new(switch: &Switch, name: &str) -> Phone {
        let (machine, folder) = (switch.machine(), tempfile::tempdir().expect("a folder"));
        switch.plug(&machine, "wlan0", "192.168.77.9");
        let bus = format!("unix:path={}", folder.path().join("bus").display());
        let policy = "<policy context='default'><allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/><allow user='*'/></policy>";
        let configuration = format!(
            "<busconfig><type>session</type><listen>{bus}</listen><auth>EXTERNAL</auth>{policy}</busconfig>"
        );
        std::fs::write(folder.path().join("bus.conf"), configuration).expect("written");
        let avahi = format!("[server]\nhost-name={name}\nuse-ipv6=no\n[publish]\n");
        std::fs::write(folder.path().join("avahi.conf"), avahi).expect("written");
        // Avahi gives its folder to a user of its own, and here there is one user.
        machine
            .run("printf 'avahi:x:0:0::/:/bin/sh\\n' > /run/passwd && mount --bind /run/passwd /etc/passwd");
        machine.run("printf 'avahi:x:0:\\n' > /run/group && mount --bind /run/group /etc/group");
        let mut phone = Phone { machine, folder, running: Vec::new() };
        let bus = phone.start("exec dbus-daemon --nofork --nopidfile --print-address --config-file=bus.conf");
        bus.stdout.wait_for("a bus", &bus.stderr, |text| text.contains('\n').then_some(()));
        let avahi = phone.start("exec avahi-daemon --no-drop-root --no-rlimits --no-chroot -f avahi.conf");
        avahi
            .stderr
            .wait_for("Avahi", &Output::default(), |text| text.contains("startup complete").then_some(()));
        phone
    }

    fn script(&self, script: &str) -> Command {
        let mut command = self.machine.command("sh");
        // A shell begins at the root there.
        command.args(["-c", &format!("cd {} && {script}", self.folder.path().display())]);
        let bus = format!("unix:path={}", self.folder.path().join("bus").display());
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    fn start(&mut self, script: &str) -> &Process {
        let process = Process::spawn(&mut self.script(script));
        self.running.push(process);
        self.running.last().expect("just put there")
    }

    fn say(&self, script: &str) -> String {
        let output = self.script(script).output().expect("a shell");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The address that a name has now, once that is `expected`.
    fn finds(&self, name: &str, expected: Option<&str>) {
        let until = Instant::now() + DEADLINE;
        loop {
            let said = self.say(&format!("avahi-resolve -4 -n {name}"));
            let found = said.split_whitespace().nth(1);
            if found == expected {
                return;
            }
            assert!(Instant::now() < until, "{name}: {found:?}, not {expected:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The name that a room says it has, the newest.
fn name_of(room: &Process, expected: &str) {
    let said = format!("in the local network the room is {expected}\n");
    room.stderr.wait_for(&said, &room.stdout, |text| text.contains(&said).then_some(()));
}

#[test]
fn a_room_is_found_by_its_name_and_in_lists_until_it_is_closed() {
    let Some(switch) = Switch::new() else { return };
    let (laptop, phone, folder) =
        (switch.machine(), Phone::new(&switch, "phone"), tempfile::tempdir().expect("a folder"));
    switch.plug(&laptop, "wlan0", "192.168.77.5");
    let mut room = laptop.room(folder.path(), &["--lan-name", "Physics"]);
    phone.finds("physics.local", Some("192.168.77.5"));
    let asked = phone.machine.command("python3").args(["-c", ASK, "physics.local"]).output().expect("runs");
    let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
    // Of the one class there is, for ten seconds, four bytes: the address.
    let record = format!("07{}05{}00{}", "70687973696373", "6c6f63616c", "000100010000000a0004c0a84d05");
    assert!(answer.starts_with("1234") && answer.contains(&record), "{answer}");
    let listed = phone.say("avahi-browse -rpt _http._tcp");
    assert!(
        listed.contains(";physics;Web Site;local;physics.local;192.168.77.5;5000;\"path=/\""),
        "{listed}"
    );
    room.stdout.wait_for("the name", &room.stderr, |text| {
        text.ends_with("Everybody opens   http://192.168.77.5:5000 or http://physics.local:5000\n")
            .then_some(())
    });
    let invite =
        phone.say("curl -s --resolve physics.local:5000:192.168.77.5 http://physics.local:5000/api/invite");
    for part in ["\"lan_url\":\"http://physics.local:5000\"", "\"url\":\"http://192.168.77.5:5000\""] {
        assert!(invite.contains(part), "{part} in {invite}");
    }
    // The laptop is carried into another network, and has another address there.
    laptop.run("ip addr flush dev wlan0 && ip addr add 192.168.77.6/24 dev wlan0");
    phone.finds("physics.local", Some("192.168.77.6"));
    room.signal(Signal::INT);
    assert!(room.wait().success());
    phone.finds("physics.local", None);
}

/// Asks everybody as Android does: once, from a port of its own; the answer in hexadecimal digits.
const ASK: &str = "import socket, sys
asking = socket.socket(type=socket.SOCK_DGRAM)
asking.settimeout(30)
asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('192.168.77.9'))
labels = b''.join(bytes([len(label)]) + label.encode() for label in sys.argv[1].split('.'))
question = bytes.fromhex('123401000001000000000000') + labels + bytes.fromhex('0000010001')
asking.sendto(question, ('224.0.0.251', 5353))
print(asking.recv(1500).hex())";

#[test]
fn a_name_that_somebody_has_gets_a_number() {
    let Some(switch) = Switch::new() else { return };
    let (laptop, phone, folder) =
        (switch.machine(), Phone::new(&switch, "chat"), tempfile::tempdir().expect("a folder"));
    switch.plug(&laptop, "wlan0", "192.168.77.5");
    let first = laptop.room(folder.path(), &[]);
    name_of(&first, "chat-2.local");
    let second = laptop.room(folder.path(), &["--port", "5001"]);
    name_of(&second, "chat-3.local");
    phone.finds("chat.local", Some("192.168.77.9"));
    phone.finds("chat-2.local", Some("192.168.77.5"));
    assert!(phone.say("avahi-resolve -4 -n chat-3.local").contains("192.168.77.5"));
    assert_eq!(first.stderr.text().matches("the room is chat").count(), 1, "{}", first.stderr.text());
}

#[test]
fn two_cards_in_one_network_leave_the_room_its_name() {
    let Some(switch) = Switch::new() else { return };
    let (laptop, phone, folder) =
        (switch.machine(), Phone::new(&switch, "phone"), tempfile::tempdir().expect("a folder"));
    // As on other systems: what comes from an address of this machine's is not dropped.
    laptop.run("echo 1 > /proc/sys/net/ipv4/conf/all/accept_local");
    switch.plug(&laptop, "wlan0", "192.168.77.5");
    switch.plug(&laptop, "eth0", "192.168.77.6");
    let room = laptop.room(folder.path(), &[]);
    name_of(&room, "chat.local");
    switch.plug(&laptop, "eth1", "192.168.77.7");
    // All three say so by and by.
    let until = Instant::now() + DEADLINE;
    let found = |address: &str| {
        phone.say("avahi-browse -rpt _http._tcp").contains(&format!(";chat.local;{address};5000;"))
    };
    while !found("192.168.77.7") {
        assert!(Instant::now() < until, "{}", room.stderr.text());
    }
    assert!(!room.stderr.text().contains("chat-2"), "{}", room.stderr.text());
}

#[test]
fn a_network_in_which_no_name_can_be_had_is_no_error() {
    let Some(switch) = Switch::new() else { return };
    let (laptop, folder) = (switch.machine(), tempfile::tempdir().expect("a folder"));
    switch.plug(&laptop, "wlan0", "192.168.77.5");
    // Another program keeps the port to itself.
    let script = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 5353)); print('it has', flush=True); input()";
    let mut keeper = laptop
        .command("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    std::io::Read::read_exact(keeper.stdout.as_mut().expect("a pipe"), &mut [0; 6]).expect("it has the port");
    let room = laptop.room(folder.path(), &[]);
    room.stdout.wait_for("the address alone", &room.stderr, |text| {
        text.ends_with("Everybody opens   http://192.168.77.5:5000\n").then_some(())
    });
    assert_eq!(laptop.run("curl -s http://192.168.77.5:5000/healthz"), "ok\n");
    let log = room.stderr.text();
    assert!(
        log.contains("no name in the local network") && !log.contains("WARN") && !log.contains("ERROR"),
        "{log}"
    );
    keeper.stdin.take().expect("a pipe").write_all(b"\n").expect("it ends");
    keeper.wait().expect("it ends");
    name_of(&room, "chat.local");
}
