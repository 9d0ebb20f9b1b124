//! What parent and child say to each other: a line each, fields with a space between, text in hex digits, `-` for what is
//! not there.
//!
//! ```text
//! interfaces 10.0.0.1,fd00::1
//! announce 00112233aabbccdd 0123456789abcdef 27182 616461
//! seen 6164612d34383231 130 00112233aabbccdd 0123456789abcdef 616461 27182 10.0.0.2
//! lost 6164612d34383231
//! ```
//!
//! Reading is total and bounded: what is anything else than the line that would be written is no line.

use std::{io::BufRead, net::IpAddr};

use chat_core::{BootId, Nick, hex, read_hex};

use super::Announcement;

/// The longest line in bytes, its end included: more than any that is written.
pub(super) const LINE_MAX: usize = 1024;
/// Addresses in one line.
pub(super) const ADDRESSES_MAX: usize = 8;
/// The longest label (RFC 1035 section 2.3.4), in bytes.
const LABEL_MAX: usize = 63;

/// From the parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// The addresses of this host that are in use now.
    Interfaces(Vec<IpAddr>),
    /// What to tell others.
    Announce(Announcement),
}

/// From the child.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Report {
    Seen(Seen),
    /// It said goodbye.
    Lost(Instance),
}

/// Somebody who is there, as far as anybody can tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) instance: Instance,
    /// How long that is good for, in seconds.
    pub(super) lasts: u32,
    pub(super) id: Option<[u8; 8]>,
    pub(super) boot: Option<BootId>,
    pub(super) nick: Option<Nick>,
    pub(super) port: u16,
    /// At most [`ADDRESSES_MAX`] are told.
    pub(super) addresses: Vec<IpAddr>,
}

/// What somebody's service is called: 1 to 63 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Instance(String);

impl Instance {
    pub(super) fn new(label: &str) -> Option<Self> {
        (1..=LABEL_MAX).contains(&label.len()).then(|| Self(label.to_string()))
    }
}

impl Order {
    /// The line with its end.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Interfaces(addresses) => format!("interfaces {}\n", list(addresses)),
            Self::Announce(Announcement { id, boot, nick, port }) => {
                format!("announce {} {boot} {port} {}\n", hex(id), hex(nick.as_str().as_bytes()))
            }
        }
    }

    /// The order that this line without its end is.
    pub(super) fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        let order = match fields[..] {
            ["interfaces", addresses] => Self::Interfaces(read_list(addresses)?),
            ["announce", id, boot, port, nick] => Self::Announce(Announcement {
                id: read_hex(id).ok()?,
                boot: read_boot(boot)?,
                nick: read_nick(nick)?,
                port: port.parse().ok()?,
            }),
            _ => return None,
        };
        (order.line().trim_end_matches('\n') == line).then_some(order)
    }
}

impl Report {
    /// The line with its end.
    pub(super) fn line(&self) -> String {
        let or_none = |field: Option<String>| field.unwrap_or_else(|| String::from("-"));
        match self {
            Self::Seen(Seen { instance, lasts, id, boot, nick, port, addresses }) => format!(
                "seen {} {lasts} {} {} {} {port} {}\n",
                hex(instance.0.as_bytes()),
                or_none(id.as_ref().map(|id| hex(id))),
                or_none(boot.map(|boot| boot.to_string())),
                or_none(nick.as_ref().map(|nick| hex(nick.as_str().as_bytes()))),
                list(addresses),
            ),
            Self::Lost(instance) => format!("lost {}\n", hex(instance.0.as_bytes())),
        }
    }

    /// The report that this line without its end is.
    pub(super) fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        let report = match fields[..] {
            ["seen", instance, lasts, id, boot, nick, port, addresses] => Self::Seen(Seen {
                instance: Instance::new(&read_text(instance)?)?,
                lasts: lasts.parse().ok()?,
                id: maybe(id, |id| read_hex(id).ok())?,
                boot: maybe(boot, read_boot)?,
                nick: maybe(nick, read_nick)?,
                port: port.parse().ok()?,
                addresses: read_list(addresses)?,
            }),
            ["lost", instance] => Self::Lost(Instance::new(&read_text(instance)?)?),
            _ => return None,
        };
        (report.line().trim_end_matches('\n') == line).then_some(report)
    }
}

/// The next line without its end; `Err` where it is too long or no text, `None` at the end of `from`.
pub(super) fn next(from: &mut impl BufRead) -> Option<Result<String, NoLine>> {
    let mut line = Vec::new();
    let mut is_whole = true;
    loop {
        let waiting = match from.fill_buf() {
            Ok(waiting) => waiting,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        // What has no end is no line: its writer died over it.
        if waiting.is_empty() {
            return None;
        }
        let end = waiting.iter().position(|&byte| byte == b'\n');
        let piece = &waiting[..end.unwrap_or(waiting.len())];
        is_whole &= line.len() + piece.len() < LINE_MAX;
        if is_whole {
            line.extend_from_slice(piece);
        }
        let taken = piece.len() + usize::from(end.is_some());
        from.consume(taken);
        if end.is_some() {
            return Some(String::from_utf8(line).ok().filter(|_| is_whole).ok_or(NoLine));
        }
    }
}

/// Too long, or not UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NoLine;

fn list(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return String::from("-");
    }
    let told: Vec<String> = addresses.iter().take(ADDRESSES_MAX).map(ToString::to_string).collect();
    told.join(",")
}

fn read_list(field: &str) -> Option<Vec<IpAddr>> {
    if field == "-" {
        return Some(Vec::new());
    }
    let addresses: Option<Vec<IpAddr>> = field.split(',').map(|address| address.parse().ok()).collect();
    addresses.filter(|addresses| addresses.len() <= ADDRESSES_MAX)
}

/// `None` when the field is wrong, `Some(None)` when nothing is there.
fn maybe<T>(field: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if field == "-" { Some(None) } else { read(field).map(Some) }
}

fn read_boot(field: &str) -> Option<BootId> {
    read_hex(field).ok().map(|boot| BootId(u64::from_be_bytes(boot)))
}

fn read_nick(field: &str) -> Option<Nick> {
    read_text(field).map(|nick| Nick::lenient(&nick))
}

fn read_text(field: &str) -> Option<String> {
    let digits = field.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|pair| {
            std::str::from_utf8(pair).ok().and_then(|pair| read_hex::<1>(pair).ok()).map(|[byte]| byte)
        })
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests;
