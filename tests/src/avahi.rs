//! A daemon of Avahi with a bus of its own.

use std::{collections::BTreeSet, fs, process::Command};

use crate::{
    browser::{Seen, Told},
    lan::Host,
    running::Running,
    watch::{self, PATIENCE},
};

/// Everybody on it may do everything: nobody else is.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>ADDRESS</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"#;

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Avahi {
    // It goes before its bus.
    daemon: Running,
    _bus: Running,
    address: String,
}

impl Avahi {
    /// Starts both.
    ///
    /// # Panics
    /// When they do not start.
    pub(crate) fn start(host: &Host) -> Self {
        // Its pid file and socket are always there.
        host.shell("mount -t tmpfs tmpfs /run");
        let home = host.home();
        let address = format!("unix:path={}", home.join("bus").display());
        fs::write(home.join("bus.conf"), BUS.replace("ADDRESS", &address)).expect("a writable home");
        let settings = format!(
            "[server]\nhost-name=avahi-{}\nallow-interfaces=eth0\n[wide-area]\nenable-wide-area=no\n\
             [publish]\npublish-hinfo=no\npublish-workstation=no\n",
            host.name()
        );
        fs::write(home.join("avahi.conf"), settings).expect("a writable home");

        let mut bus = host.command("dbus-daemon");
        bus.args(["--nofork", "--nopidfile", "--print-address"]).arg(option(
            "--config-file",
            host,
            "bus.conf",
        ));
        let bus = Running::start(format!("bus on {}", host.name()), &mut bus);
        bus.expect("address of the bus", PATIENCE, |line| line.text.starts_with("unix:"));
        let mut daemon = command(host, "avahi-daemon", &address);
        daemon.args(["--no-drop-root", "--no-chroot", "--no-rlimits"]).arg(option(
            "--file",
            host,
            "avahi.conf",
        ));
        let daemon = Running::start(format!("avahi-daemon on {}", host.name()), &mut daemon);
        let begun = || daemon.errors().contains("Server startup complete").then_some(());
        assert!(watch::until(PATIENCE, begun).is_some(), "{daemon}\n{bus}");
        Self { daemon, _bus: bus, address }
    }

    /// A command that uses the daemon.
    pub(crate) fn command(&self, host: &Host, program: &str) -> Command {
        command(host, program, &self.address)
    }

    /// What the daemon has logged so far.
    pub(crate) fn log(&self) -> String {
        self.daemon.errors()
    }
}

fn command(host: &Host, program: &str, bus: &str) -> Command {
    let mut command = host.command(program);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", bus).env("LC_ALL", "C.UTF-8");
    command
}

fn option(option: &str, host: &Host, file: &str) -> String {
    format!("{option}={}", host.home().join(file).display())
}

/// A line of `avahi-browse --resolve --parsable`, if it says that somebody is there or gone.
pub(crate) fn read(line: &str) -> Option<Told> {
    let mut fields = line.splitn(10, ';');
    let what = fields.next()?;
    let name = unescaped(fields.nth(2)?);
    if what == "-" {
        return Some(Told::Gone(name));
    }
    // The type and the domain lie before the host.
    let host = fields.nth(2)?.to_owned();
    let address = fields.next()?.parse().ok()?;
    let port = fields.next()?.parse().ok()?;
    let txt = strings(fields.next()?);
    (what == "=").then(|| Told::Seen(Seen { name, host, port, addresses: BTreeSet::from([address]), txt }))
}

/// Without the backslashes before three decimal digits, for a byte, or before any other character, for itself.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', tail @ ..]) => {
                let byte = [a, b, c].iter().fold(0u32, |sum, digit| sum * 10 + u32::from(**digit - b'0'));
                bytes.push(u8::try_from(byte).unwrap_or(b'?'));
                rest = tail;
            }
            (b'\\', [next, tail @ ..]) => {
                bytes.push(*next);
                rest = tail;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// TXT strings, each in quotation marks.
fn strings(text: &str) -> BTreeSet<String> {
    let inner = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    inner.split("\" \"").map(unescaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_all_that_is_escaped_in_them() {
        let line = r#"=;eth0;IPv4;Zo\195\171\.\032v1\.2\032a\092b-0042;_p2p-chat._udp;local;h.local;10.77.0.1;27182;"n=Zo\195\171; \"x\"" "v=1""#;
        let Some(Told::Seen(seen)) = read(line) else { panic!("{line}") };
        assert_eq!((&*seen.name, &*seen.host, seen.port), (r"Zoë. v1.2 a\b-0042", "h.local", 27182));
        assert_eq!(seen.addresses, BTreeSet::from([[10, 77, 0, 1].into()]));
        assert_eq!(seen.txt, BTreeSet::from([r#"n=Zoë; "x""#.to_owned(), "v=1".to_owned()]));
        assert!(
            matches!(read("-;eth0;IPv6;ada-1;_p2p-chat._udp;local"), Some(Told::Gone(name)) if name == "ada-1")
        );
        assert!(read("+;eth0;IPv6;ada-1;_p2p-chat._udp;local").is_none());
    }
}
