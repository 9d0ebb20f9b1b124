//! A local network on one machine: every host is a network namespace with an `eth0`, and their cables end in a
//! bridge that lives in a namespace of its own. The machine's own networks are neither used nor changed.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    bin::{is_release, target_directory},
    frames::Frames,
    netns::{Namespace, Rights},
    outcome::Outcome,
    scratch::Scratch,
    watch::PATIENCE,
};

/// A network that is there for one test, and gone with it.
#[derive(Debug)]
pub struct Lan {
    switch: Arc<Switch>,
    hosts: u8,
}

/// Which addresses a host's `eth0` has. IPv6 link-local ones come with [`V6`](Self::V6) and [`Both`](Self::Both).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Families {
    /// IPv4 and IPv6.
    Both,
    /// Only IPv4; IPv6 is switched off.
    V4,
    /// Only IPv6, link-local and nothing else.
    V6,
}

impl Lan {
    /// A network without hosts, or `None` where namespaces cannot be had; then it has said so. It waits until no
    /// other test of this target directory has one: the tests measure time.
    ///
    /// When everything on it is gone `tshark` judges all packets of ours, unless it is there to measure a release.
    ///
    /// # Panics
    /// With `CI` set, instead of `None`.
    #[must_use]
    pub fn new() -> Option<Self> {
        Self::in_turn(turn(File::lock))
    }

    /// Like [`new`](Self::new), for a test that measures nothing: others that begin like this run at the same time.
    ///
    /// # Panics
    /// With `CI` set, instead of `None`.
    #[must_use]
    pub fn beside_others() -> Option<Self> {
        Self::in_turn(turn(File::lock_shared))
    }

    fn in_turn(turn: File) -> Option<Self> {
        let root = rustix::process::geteuid().is_root();
        let kinds = [Rights::Root, Rights::UserNamespace];
        let mut reasons = Vec::new();
        for rights in kinds.into_iter().filter(|&rights| root || rights == Rights::UserNamespace) {
            match switch(rights) {
                Ok(namespace) => {
                    let scratch = Scratch::new();
                    let file = scratch.path().join("frames.pcapng");
                    let frames = if is_release() { None } else { Frames::record(&namespace, "br0", file) };
                    let frames = Mutex::new(frames);
                    let switch = Switch { frames, namespace, scratch, _turn: turn };
                    return Some(Self { switch: Arc::new(switch), hosts: 0 });
                }
                Err(reason) => reasons.push(reason),
            }
        }
        skipped(&reasons.join("; "));
        None
    }

    /// Ends the recording of packets: how many of ours there were, and what `tshark` says of those that are malformed
    /// or worse. `None` when there is no recording.
    ///
    /// # Panics
    /// When the recording cannot be read.
    #[must_use]
    pub fn judged(&self) -> Option<(usize, Vec<String>)> {
        self.switch.judge()
    }

    /// Moves `hosts` to a second switch, which a cable joins to the first one. Their own cables stay where they are.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn second_switch(&self, hosts: &[&Host]) {
        let second = "ip link add br1 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 && ip link set br1 up && \
                      ip link add up0 type veth peer name up1 && \
                      ip link set up0 master br0 up && ip link set up1 master br1 up";
        self.at_switch(second);
        for host in hosts {
            self.at_switch(&format!("ip link set port{} master br1", host.number));
        }
    }

    /// Pulls the cable between the two switches.
    ///
    /// # Panics
    /// Without a [`second_switch`](Self::second_switch).
    pub fn pull_between(&self) {
        self.at_switch("ip link set up0 down");
    }

    /// Puts the cable between the two switches back.
    ///
    /// # Panics
    /// Without a [`second_switch`](Self::second_switch).
    pub fn put_back_between(&self) {
        self.at_switch("ip link set up0 up");
    }

    #[track_caller]
    fn at_switch(&self, line: &str) {
        self.switch.namespace.shell(line).unwrap_or_else(|reason| panic!("no second switch: {reason}"));
    }

    /// Another host on the network, with IPv4 and IPv6.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn host(&mut self) -> Host {
        self.host_with(Families::Both)
    }

    /// Another host on the network.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn host_with(&mut self, families: Families) -> Host {
        let host = self.loopback_host();
        let number = host.number;
        host.shell(if families == Families::V4 { NO_V6 } else { V6_AT_ONCE });
        let cable = format!(
            "ip link add port{number} type veth peer name eth0 address {} netns {}\n\
             ip link set port{number} master br0 up",
            host.ethernet(),
            host.namespace.id()
        );
        self.switch.namespace.shell(&cable).unwrap_or_else(|reason| panic!("no cable: {reason}"));
        if families != Families::V6 {
            host.shell(&format!("ip address add {}/24 brd + dev eth0", host.v4()));
        }
        if families == Families::Both {
            host.shell(&format!("ip address add {}/64 dev eth0 nodad", host.v6()));
        }
        host.shell("ip link set eth0 up");
        host
    }

    /// A host without any cable: its only interface is loopback.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn loopback_host(&mut self) -> Host {
        let host = self.dead_host();
        host.shell("ip link set lo up");
        host
    }

    /// A host whose every interface is down.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn dead_host(&mut self) -> Host {
        self.hosts += 1;
        let namespace = self.switch.namespace.sibling().unwrap_or_else(|reason| panic!("no host: {reason}"));
        let home = self.switch.scratch.path().join(format!("host{}", self.hosts));
        fs::create_dir_all(&home).expect("a home");
        let host = Host { namespace, number: self.hosts, home, switch: Arc::clone(&self.switch) };
        // Otherwise /sys would go on to show the interfaces of the machine.
        host.shell("mount -t sysfs sysfs /sys || true");
        host
    }
}

/// One machine of the network. Programs on it are started with [`command`](Self::command).
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
    number: u8,
    home: PathBuf,
    switch: Arc<Switch>,
}

impl Host {
    /// What it is called in failure messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("host{}", self.number)
    }

    /// Its IPv4 address, if it has one.
    #[must_use]
    pub fn v4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.number)
    }

    /// Its IPv6 address that is not link-local, if it has one.
    #[must_use]
    pub fn v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, self.number.into())
    }

    /// Its Ethernet address, if it has one.
    #[must_use]
    pub fn ethernet(&self) -> String {
        format!("02:77:00:00:00:{:02x}", self.number)
    }

    /// What runs here is none of ours: nobody judges its packets.
    pub fn leave_out(&self) {
        if let Some(frames) = self.switch.frames.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            frames.leave_out(self.ethernet());
        }
    }

    /// The home directory that programs on it see.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A command that runs `program` on it, in its own home. The program keeps the command's process id.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.namespace.enter(program);
        command.env("HOME", &self.home).env("RUST_BACKTRACE", "1");
        for variable in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs `program` on it to its end, with `input` on its standard input.
    ///
    /// # Panics
    /// When it does not end within 20 s.
    #[must_use]
    pub fn run(&self, program: impl AsRef<OsStr>, arguments: &[&str], input: &str) -> Outcome {
        self.run_for(program, arguments, input, PATIENCE)
    }

    /// Like [`run`](Self::run), with another limit.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    #[must_use]
    pub fn run_for(
        &self,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        input: &str,
        limit: Duration,
    ) -> Outcome {
        Outcome::of(self.command(program).args(arguments), input.as_bytes(), limit)
    }

    /// Runs a line of shell on it, as its root, and returns what it printed.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn shell(&self, line: &str) -> String {
        self.namespace.shell(line).unwrap_or_else(|reason| panic!("{}: {reason}", self.name()))
    }

    /// From now on the switch drops what is multicast to this host, and says nothing.
    ///
    /// # Panics
    /// When the host has no cable.
    pub fn filter_multicast(&self) {
        self.flood("mcast_flood off");
    }

    /// From now on the switch drops what is broadcast or multicast to this host. Without broadcast nobody is asked for
    /// the hardware address of anybody, so `others` are entered by hand.
    ///
    /// # Panics
    /// When the host or one of the others has no cable, or IPv6 only.
    pub fn filter_all_but_unicast(&self, others: &[&Self]) {
        self.flood("mcast_flood off bcast_flood off");
        for other in others {
            let card = other.shell("cat /sys/class/net/eth0/address");
            let (address, card) = (other.v4(), card.trim());
            self.shell(&format!("ip neighbour replace {address} lladdr {card} dev eth0 nud permanent"));
        }
    }

    /// From now on the switch carries nothing between this host and others that are kept apart, or does so again.
    ///
    /// # Panics
    /// When the host has no cable.
    pub fn keep_apart(&self, is_apart: bool) {
        self.flood(if is_apart { "isolated on" } else { "isolated off" });
    }

    #[track_caller]
    fn flood(&self, what: &str) {
        let line = format!("bridge link set dev port{} {what}", self.number);
        self.switch.namespace.shell(&line).unwrap_or_else(|reason| panic!("no filter: {reason}"));
    }

    /// Pulls the cable out: the interface stays up, and has no carrier.
    ///
    /// # Panics
    /// When the host has no cable.
    pub fn unplug(&self) {
        self.cable("down");
    }

    /// Puts the cable back.
    ///
    /// # Panics
    /// When the host has no cable.
    pub fn plug_in(&self) {
        self.cable("up");
    }

    #[track_caller]
    fn cable(&self, state: &str) {
        let line = format!("ip link set port{} {state}", self.number);
        self.switch.namespace.shell(&line).unwrap_or_else(|reason| panic!("no cable: {reason}"));
    }
}

/// What all hosts share. The recording ends first, then the namespace goes, its files, and the turn.
#[derive(Debug)]
struct Switch {
    frames: Mutex<Option<Frames>>,
    namespace: Namespace,
    scratch: Scratch,
    _turn: File,
}

impl Switch {
    /// Ends the recording and has it judged, once.
    fn judge(&self) -> Option<(usize, Vec<String>)> {
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner).take();
        frames.map(Frames::judge)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // A test that fails says why itself.
        if !std::thread::panicking()
            && let Some((count, bad)) = self.judge()
        {
            assert!(bad.is_empty(), "tshark complains of one of {count} packets:\n{}", bad.join("\n"));
        }
    }
}

/// Addresses can be used as soon as they are there; on a real link that takes a second.
const V6_AT_ONCE: &str =
    "test ! -d /proc/sys/net/ipv6 || echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad";
const NO_V6: &str = "test ! -d /proc/sys/net/ipv6 || echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";

/// A namespace with a bridge that floods multicast and has no addresses of its own.
fn switch(rights: Rights) -> Result<Namespace, String> {
    let namespace = Namespace::new(rights)?;
    namespace.shell(NO_V6)?;
    namespace.shell(
        "ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 && ip link set br0 up",
    )?;
    // Cables are the other thing that a kernel may lack.
    namespace.shell("ip link add trial type veth peer name trial-end && ip link delete trial")?;
    Ok(namespace)
}

/// Waits until it is this test's turn, alone or with others; dropping the file ends the turn.
fn turn(lock: fn(&File) -> std::io::Result<()>) -> File {
    let path = target_directory().join("chat-tests.lock");
    let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    lock(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file
}

/// Says so past the test runner, which keeps what tests print to itself.
fn skipped(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var_os("CI").is_none(),
        "{test}: network namespaces cannot be had here, and CI may not skip: {reason}"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: network namespaces cannot be had here: {reason}");
}
