//! `--discovery mdns-crates`: the responder of the crate `libmdns` and the browser of the crate `mdns`, instead of our own
//! engine or beside it. It is there to compare, and to be off: a cargo feature that nothing turns on by itself.
//!
//! One datagram of 18 bytes makes `libmdns` 0.10.1 overflow its stack, which ends its process. So both crates run in a
//! child process, the same program with the one argument [`CHILD`], and never here:
//!
//! ```text
//! node -- Event::Net, Record::Nick --> Supervisor -- orders, a line each --> child: libmdns, mdns
//! node <------- Input::Sighting ------ Supervisor <-- reports, a line each -- child
//! ```
//!
//! The supervisor starts the child again when it ends ([`backoff`]), and believes it no more than the network. The
//! child ends with its standard input, so with the program, however that ends.
//!
//! What the crates cannot do, and what becomes of it:
//!
//! - `mdns` overlooks every packet in which one label is not ASCII, and asks for pointers only. So it finds nobody whose
//!   own engine announces them by a nick such as "Zoë". Here the instance is called `p2pc-` and the hex digits of the key,
//!   and the nick is in the TXT record alone.
//! - `mdns` has no cache: the child says how long a find is good for, and the supervisor takes it back after that.
//! - `mdns` asks at a fixed pace, first after one interval, and never says what it knows, so that everybody answers each
//!   time. So one browser lives for one question ([`browse`]), and where there are N, one asks every N²/20 s.
//! - Both ask through the interface to which the system's routes send 224.0.0.251, and only by IPv4: without such a route
//!   nothing is asked, and of two interfaces one is only listened to.
//! - Both leave loopback out: two programs on one machine do not find each other by them.
//! - `libmdns` neither probes nor suppresses anything, answers the first of two questions that come at once twice and the
//!   second not at all, and joins the groups once: a change of addresses takes a new responder.
//! - Where the responder and the last of its services end together, the goodbye is lost: the service goes first. What it
//!   says before its socket was once waited for is lost, too: it waits first ([`respond`]).

mod backoff;
mod browse;
mod child;
mod found;
mod line;
mod respond;
mod supervisor;

use std::{
    ffi::OsString,
    io,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    process::ExitCode,
    sync::mpsc,
    time::Duration,
};

use chat_core::{BootId, Event, Nick, Output, Record};
use chat_net::{OnOutput, Submit};

use supervisor::{Supervisor, Turn};

/// The argument by which the program becomes the child.
const CHILD: &str = "mdns-crates-child";
/// How long the end of the program waits for that of the child: its goodbye, and then some.
const GOODBYE: Duration = Duration::from_millis(300);
/// Our service as the crates write it.
const SERVICE: &str = "_p2p-chat._udp.local";
/// Where multicast DNS is spoken (RFC 6762 section 3).
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);

/// What others are told of us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Announcement {
    /// The first bytes of our key.
    pub(crate) id: [u8; 8],
    pub(crate) boot: BootId,
    pub(crate) nick: Nick,
    /// The port of the chat socket.
    pub(crate) port: u16,
}

/// Runs the child, if that is what the program was started for.
pub(crate) fn child(arguments: &[OsString]) -> Option<ExitCode> {
    (arguments == [CHILD]).then(child::run)
}

/// Starts a node with `start`, and the crates beside it. They learn what they need from what the node puts out.
///
/// # Errors
/// When `start` fails, or the system gives no thread.
pub(crate) fn beside(
    announcement: Announcement,
    mut on_output: OnOutput,
    start: impl FnOnce(OnOutput) -> io::Result<Submit>,
) -> io::Result<Submit> {
    let (door, inbox) = mpsc::channel();
    let turns = door.clone();
    let listening: OnOutput = Box::new(move |output| {
        // At the end of the program the receiver may go first.
        match &output {
            Output::Event(Event::Net(net)) => drop(turns.send(Turn::Interfaces(addresses(&net.interfaces)))),
            Output::Event(Event::Finished) => {
                let (ended, end) = mpsc::sync_channel(1);
                if turns.send(Turn::Quit(ended)).is_ok() {
                    let _ = end.recv_timeout(GOODBYE);
                }
            }
            Output::Persist { records, .. } => {
                let nicks = records.iter().filter_map(|record| match record {
                    Record::Nick(nick) => Some(nick),
                    _ => None,
                });
                nicks.for_each(|nick| drop(turns.send(Turn::Nick(nick.clone()))));
            }
            _ => {}
        }
        on_output(output);
    });
    let submit = start(listening)?;
    Supervisor::new(announcement, submit.clone(), door)?.spawn(inbox)?;
    Ok(submit)
}

/// The addresses that the crates can use, of lines such as `eth0 10.0.0.1/24 fd00::1/64`. Those of IPv4 come first, since
/// not all are told where there are many.
fn addresses(interfaces: &[String]) -> Vec<IpAddr> {
    let nets = interfaces.iter().flat_map(|line| line.split(' ').skip(1));
    let all = nets.filter_map(|net| net.split_once('/')?.0.parse().ok());
    let mut usable: Vec<IpAddr> = all.filter(|address: &IpAddr| !address.is_loopback()).collect();
    usable.sort_by_key(IpAddr::is_ipv6);
    usable
}

/// The address from which a question would go out, if the system knows a way. Nothing is sent.
fn route() -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(GROUP)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_lines_about_interfaces_without_loopback() {
        let read = |lines: &[&str]| {
            addresses(&lines.iter().map(ToString::to_string).collect::<Vec<_>>())
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read(&[
                "lo 127.0.0.1/8 ::1/128",
                "eth0 10.0.0.1/24 fe80::1/64",
                "Ethernet 2 10.1.0.1/8",
                "wlan0"
            ]),
            ["10.0.0.1", "10.1.0.1", "fe80::1"]
        );
        assert!(read(&["eth0 10.0.0.256/24 here/there 10.0.0.1"]).is_empty());
    }
}
