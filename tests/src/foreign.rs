//! Other people's multicast DNS on a host of the network: what it sees from there, and what it advertises.
//! `tests/foreign/prepare` builds what no Debian package has.

use std::{collections::BTreeSet, io::Write as _, net::IpAddr, path::PathBuf, process::Command};

use rustix::process::Signal;

use crate::{
    avahi::Avahi,
    bin::{repository, target_directory},
    browser::{Browser, Seen},
    frames::is_there,
    lan::Host,
    outcome::Outcome,
    running::Running,
    watch::{self, PATIENCE},
};

/// What we are, for them.
pub const SERVICE: &str = "_p2p-chat._udp";

/// Somebody's implementation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stack {
    /// The daemon of Linux desktops, with `avahi-browse` and `avahi-publish`.
    Avahi,
    /// python-zeroconf, which Home Assistant stands on.
    Zeroconf,
    /// The `mdns-sd` crate.
    MdnsSd,
    /// The `libmdns` crate, which only advertises.
    Libmdns,
    /// The `mdns` crate, which only browses.
    Mdns,
}

/// What is advertised.
#[derive(Clone, Copy, Debug)]
pub struct Advert<'a> {
    /// Like [`SERVICE`].
    pub service: &'a str,
    /// The instance's label, not escaped.
    pub name: &'a str,
    /// Of its SRV record.
    pub port: u16,
    /// Its TXT strings.
    pub txt: &'a [&'a str],
}

/// An implementation on a host. What it needs beside itself runs until this is dropped.
#[derive(Debug)]
pub struct Foreign<'a> {
    stack: Stack,
    host: &'a Host,
    avahi: Option<Avahi>,
}

impl<'a> Foreign<'a> {
    /// Makes it ready, or `None` where it is not there; then it has said so.
    ///
    /// # Panics
    /// With `CI` set, instead of `None`, and when its daemon does not start.
    #[must_use]
    pub fn start(stack: Stack, host: &'a Host) -> Option<Self> {
        if let Some(missing) = stack.missing() {
            skipped(&missing);
            return None;
        }
        if matches!(stack, Stack::Libmdns | Stack::Mdns) {
            // They leave the choice of the interface to the routes.
            host.shell("ip route replace 224.0.0.0/4 dev eth0");
        }
        let avahi = (stack == Stack::Avahi).then(|| Avahi::start(host));
        Some(Self { stack, host, avahi })
    }

    /// Which one it is.
    #[must_use]
    pub const fn stack(&self) -> Stack {
        self.stack
    }

    /// Browses for instances of `service`.
    ///
    /// # Panics
    /// When it does not begin.
    #[must_use]
    pub fn browse(&self, service: &str) -> Browser {
        let name = format!("{:?} browses {service} on {}", self.stack, self.host.name());
        if let Some(avahi) = &self.avahi {
            let mut browse = avahi.command(self.host, "avahi-browse");
            let running =
                Running::start(name, browse.args(["--resolve", "--parsable", "--no-db-lookup", service]));
            return Browser { stack: self.stack, times: if has_v4(self.host) { 2 } else { 1 }, running };
        }
        let mut browse = self.program();
        browse.args(["browse", service]);
        if self.stack == Stack::Mdns {
            browse.arg(self.host.v4().to_string());
        }
        let running = Running::start(name, &mut browse);
        running.expect("sign of browsing", PATIENCE, |line| line.is_of("ready"));
        Browser { stack: self.stack, times: 1, running }
    }

    /// Advertises until that is withdrawn.
    ///
    /// # Panics
    /// When it does not begin.
    #[must_use]
    pub fn advertise(&self, advert: &Advert<'_>) -> Advertiser {
        let Advert { service, name, port, txt } = *advert;
        let title = format!("{:?} advertises {name} on {}", self.stack, self.host.name());
        if let Some(avahi) = &self.avahi {
            let mut publish = avahi.command(self.host, "avahi-publish");
            publish.args(["--service", name, service, &port.to_string()]).args(txt);
            let running = Running::start(title, &mut publish);
            let begun = || running.errors().contains("Established under name").then_some(());
            assert!(watch::until(PATIENCE, begun).is_some(), "{running}");
            return Advertiser { stack: self.stack, running };
        }
        let mut program = self.program();
        program.args(["advertise", service, name, &port.to_string()]).args(txt);
        let running = Running::start(title, &mut program);
        running.expect("sign of advertising", PATIENCE, |line| line.is_of("ready"));
        Advertiser { stack: self.stack, running }
    }

    /// The addresses of a host that it has seen, as it would tell a program that asks for them: one of each family in
    /// the case of Avahi.
    ///
    /// # Panics
    /// When Avahi does not know one in a family that this host has.
    #[must_use]
    pub fn addresses(&self, seen: &Seen) -> BTreeSet<IpAddr> {
        let Some(avahi) = &self.avahi else { return seen.addresses.clone() };
        let families: &[&str] = if has_v4(self.host) { &["-4", "-6"] } else { &["-6"] };
        let resolve = |family: &&str| {
            let mut resolve = avahi.command(self.host, "avahi-resolve");
            let outcome = Outcome::of(resolve.args(["--name", &seen.host, *family]), &[], PATIENCE);
            let (_, address) = outcome.expect_code(0).out.trim().rsplit_once('\t').unwrap_or_default();
            let address = address.split('%').next().unwrap_or_default();
            address.parse().unwrap_or_else(|_| panic!("{family} of {}: {outcome}", seen.host))
        };
        families.iter().map(resolve).collect()
    }

    /// What its daemon has logged so far, if it has one.
    #[must_use]
    pub fn log(&self) -> String {
        self.avahi.as_ref().map_or_else(String::new, Avahi::log)
    }

    fn program(&self) -> Command {
        let mut command = self.host.command(self.stack.program());
        match self.stack {
            Stack::Zeroconf => command.arg(repository().join("tests/foreign/zeroconf_peer.py")),
            Stack::MdnsSd => command.arg("mdns-sd"),
            Stack::Libmdns => command.arg("libmdns"),
            Stack::Mdns => command.arg("mdns"),
            Stack::Avahi => &mut command,
        };
        command
    }
}

fn has_v4(host: &Host) -> bool {
    !host.shell("ip -4 -o address show dev eth0").is_empty()
}

/// Whether there is a program of this name; where there is none it has said so.
///
/// # Panics
/// With `CI` set, instead of `false`.
#[must_use]
pub fn has(program: &str) -> bool {
    let has = is_there(program);
    if !has {
        skipped(program);
    }
    has
}

/// Says so past the test runner, which keeps what tests print to itself.
fn skipped(missing: &str) {
    assert!(std::env::var_os("CI").is_none(), "{missing} is not there, and CI may not skip");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {missing} is not there");
}

impl Stack {
    fn program(self) -> PathBuf {
        let built = target_directory().join("foreign");
        match self {
            Self::Avahi => "avahi-daemon".into(),
            Self::Zeroconf => built.join("python/bin/python"),
            Self::MdnsSd | Self::Libmdns | Self::Mdns => built.join("debug/foreign"),
        }
    }

    /// What of it is not there.
    fn missing(self) -> Option<String> {
        if self == Self::Avahi {
            // It gives a directory to a user who is not in a user namespace.
            if !rustix::process::geteuid().is_root() {
                return Some("root, whom avahi-daemon needs,".to_owned());
            }
            let programs = ["avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon"];
            return programs.into_iter().find(|program| !is_there(program)).map(str::to_owned);
        }
        let program = self.program();
        (!program.is_file()).then(|| format!("{} (see tests/foreign/prepare)", program.display()))
    }
}

/// Somebody who advertises.
#[derive(Debug)]
pub struct Advertiser {
    stack: Stack,
    running: Running,
}

impl Advertiser {
    /// Whether it still runs, which it does as long as nothing has ended it.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        self.running.is_alive()
    }

    /// Ends it, with a goodbye.
    ///
    /// # Panics
    /// When it does not end.
    pub fn withdraw(mut self) {
        if self.stack == Stack::Avahi {
            self.running.signal(Signal::TERM);
            self.running.wait(PATIENCE);
        } else {
            self.running.close_stdin();
            assert_eq!(self.running.wait(PATIENCE), Some(0), "{}", self.running);
        }
    }
}
