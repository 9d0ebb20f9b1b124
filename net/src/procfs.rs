//! What Linux tells in files: groups, ports and who has them. A line that cannot be read is skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use crate::surroundings::{Firewall, Holder, Membership};

/// RFC 6762 section 3.
const MDNS_PORT: u16 = 5353;
/// Programs told of.
const HOLDERS_MAX: usize = 16;

/// The groups that interfaces are in.
pub(crate) fn groups() -> Option<Vec<Membership>> {
    let v4 = fs::read_to_string("/proc/self/net/igmp").ok();
    let v6 = fs::read_to_string("/proc/self/net/igmp6").ok();
    if v4.is_none() && v6.is_none() {
        return None;
    }
    let mut all = igmp(&v4.unwrap_or_default());
    all.extend(igmp6(&v6.unwrap_or_default()));
    Some(all)
}

/// The other programs that have the port of multicast DNS, as far as their sockets are in our network.
pub(crate) fn mdns_holders() -> Option<Vec<Holder>> {
    let files = ["/proc/self/net/udp", "/proc/self/net/udp6"].map(|file| fs::read_to_string(file).ok());
    if files.iter().all(Option::is_none) {
        return None;
    }
    let mut theirs: BTreeMap<u64, u32> =
        files.iter().flatten().flat_map(|text| udp(text, MDNS_PORT)).collect();
    for own in sockets(Path::new("/proc/self")) {
        theirs.remove(&own);
    }
    let mut holders = BTreeSet::new();
    if !theirs.is_empty() {
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let is_number = process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
            if !is_number {
                continue;
            }
            let has = sockets(&process.path()).filter_map(|inode| theirs.remove(&inode)).max();
            if let Some(user) = has {
                let name = fs::read_to_string(process.path().join("comm")).ok();
                holders.insert(Holder { name: name.map(|name| name.trim().to_owned()), user });
            }
        }
    }
    // Those whose sockets we may not look at.
    holders.extend(theirs.into_values().map(|user| Holder { name: None, user }));
    Some(holders.into_iter().take(HOLDERS_MAX).collect())
}

/// What is set up here. ufw and firewalld say so in files that everybody may read.
pub(crate) fn firewall() -> Firewall {
    let has =
        |tool: &str| ["/usr/sbin", "/sbin", "/usr/bin"].iter().any(|at| Path::new(at).join(tool).exists());
    let ufw = fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
    if ufw.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes")) {
        Firewall::Ufw
    } else if Path::new("/run/firewalld").exists() {
        Firewall::Firewalld
    } else if has("nft") {
        Firewall::Nftables
    } else if has("iptables") {
        Firewall::Iptables
    } else {
        Firewall::Unknown
    }
}

/// The inodes of the sockets that a process has, none when we may not know.
fn sockets(process: &Path) -> impl Iterator<Item = u64> {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let target = fs::read_link(file.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

/// `/proc/net/igmp`: a line for each interface, beginning with its index, and below it one for each group, in the order
/// of the machine's bytes.
fn igmp(text: &str) -> Vec<Membership> {
    let (mut all, mut interface) = (Vec::new(), None);
    for line in text.lines().skip(1) {
        let first = line.split_whitespace().next().unwrap_or_default();
        if line.starts_with(char::is_whitespace) {
            let group = Some(first).filter(|first| first.len() == 8);
            let group = group.and_then(|group| u32::from_str_radix(group, 16).ok());
            if let (Some(interface), Some(group)) = (interface, group) {
                let group = IpAddr::V4(Ipv4Addr::from(group.to_ne_bytes()));
                all.push(Membership { interface, group });
            }
        } else {
            interface = first.parse().ok();
        }
    }
    all
}

/// `/proc/net/igmp6`: index, name, group in hex, and more.
fn igmp6(text: &str) -> Vec<Membership> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (interface, group) = (words.next()?.parse().ok()?, words.nth(1)?);
        let group = Some(group).filter(|group| group.len() == 32)?;
        let group = IpAddr::V6(Ipv6Addr::from_bits(u128::from_str_radix(group, 16).ok()?));
        Some(Membership { interface, group })
    };
    text.lines().filter_map(line).collect()
}

/// `/proc/net/udp` and `udp6`: the inodes of the sockets at `port`, and the numbers of their users.
fn udp(text: &str, port: u16) -> Vec<(u64, u32)> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, at) = words.get(1)?.rsplit_once(':')?;
        if u16::from_str_radix(at, 16).ok()? != port {
            return None;
        }
        let user = words.get(7)?.parse().ok()?;
        let inode = words.get(9)?.parse().ok().filter(|inode| *inode != 0)?;
        Some((inode, user))
    };
    text.lines().skip(1).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use quickcheck::quickcheck;

    use super::*;

    const IGMP: &str = "\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
4\teth0      :     2      V3
\t\t\t\tFB0000E0     1 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
";
    const IGMP6: &str = "\
1    lo              ff020000000000000000000000000001     1 0000000C 0
4    eth0            ff0200000000000000000000000000fb     1 00000004 0
";
    const UDP: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  291: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   114        0 21934 2 0000000000000000 0
  300: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21935 2 0000000000000000 0
";
    const UDP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  291: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 21936 2 0000000000000000 0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn groups_are_read_for_each_interface() {
        let of = |interface, group: &str| Membership { interface, group: group.parse().unwrap() };
        assert_eq!(igmp(IGMP), [of(1, "224.0.0.1"), of(4, "224.0.0.251"), of(4, "224.0.0.1")]);
        assert_eq!(igmp6(IGMP6), [of(1, "ff02::1"), of(4, "ff02::fb")]);
    }

    #[test]
    fn sockets_of_one_port_are_found_in_both_families() {
        assert_eq!(udp(UDP, 5353), [(21934, 114)]);
        assert_eq!(udp(UDP6, 5353), [(21936, 1000)]);
        assert_eq!(udp(UDP, 53), [(21935, 0)]);
        assert_eq!(udp(UDP, 54), []);
    }

    #[test]
    fn lines_that_make_no_sense_are_skipped() {
        let hostile =
            "\n\nx\n\t\t\u{e9}\u{e9}\u{e9}\u{e9} 1\n4\n\t\tFB0000E0FF\n\t\tzzzzzzzz\n4 eth0 ff02\n4\n";
        assert_eq!((igmp(hostile), igmp6(hostile), udp(hostile, 5353)), (vec![], vec![], vec![]));
        // Cut off in the middle, and a socket that is none any more.
        let cut = "head\n1: 00000000:14E9 0:0 07 0:0 0:0 0 114 0";
        assert_eq!(udp(cut, 5353), []);
        assert_eq!(udp(&format!("{cut} 0 2"), 5353), []);
        assert_eq!(udp(&format!("{cut} 9 2"), 5353), [(9, 114)]);
    }

    #[test]
    fn our_own_sockets_are_known_by_their_inodes() {
        let before = sockets(Path::new("/proc/self")).count();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(sockets(Path::new("/proc/self")).count() > before, "{socket:?}");
    }

    quickcheck! {
        fn whatever_is_in_the_files_is_read_to_its_end(text: String) -> bool {
            igmp(&text).len() + igmp6(&text).len() + udp(&text, 5353).len() <= 3 * text.lines().count()
        }
    }
}
