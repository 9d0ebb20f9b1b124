//! What all read and write, and what they must find.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The type of all services, without its last label, which is `local`.
pub(crate) const KIND: [&str; 3] = ["_peers", "_udp", "local"];
/// PTR, SRV, TXT, A and AAAA.
pub(crate) const RECORDS: usize = 5;
/// Seconds (RFC 6762 section 10).
pub(crate) const HOST_TTL: u32 = 120;
pub(crate) const OTHER_TTL: u32 = 4500;

/// One of those who answer.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) instance: String,
    pub(crate) host: String,
    pub(crate) texts: [String; 5],
    pub(crate) port: u16,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
}

/// So many of them, no two alike.
pub(crate) fn services(count: usize) -> Vec<Service> {
    (0..count as u64).map(service).collect()
}

fn service(number: u64) -> Service {
    let id = format!("{:016x}", (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let nick = format!("nick-{:04}", 4821 + number);
    Service {
        instance: nick.clone(),
        host: format!("{:016x}", (number + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93)),
        texts: [
            "txtvers=1".into(),
            "v=1".into(),
            format!("id={id}"),
            format!("b={}", &id[..8]),
            format!("n={nick}"),
        ],
        port: 27182 + number as u16,
        v4: Ipv4Addr::new(10, 77, 0, number as u8 + 1),
        v6: Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0x0aff, 0xfe00, number as u16 + 1),
    }
}

/// The name by which one of them is looked for, in letters of another size.
pub(crate) const WANTED: [&str; 4] = ["Nick-4821", "_peers", "_udp", "local"];
/// The host that one of them is looked for by. Somebody else's.
pub(crate) const WANTED_HOST: [&str; 2] = ["0123456789abcdef", "local"];

/// What was found in a message: every record has left its trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) records: u32,
    /// Records whose owner is [`WANTED`].
    pub(crate) owners: u32,
    /// PTR records that lead to [`WANTED`].
    pub(crate) pointers: u32,
    /// SRV records that lead to [`WANTED_HOST`].
    pub(crate) hosts: u32,
    pub(crate) ports: u32,
    /// All bytes of all addresses.
    pub(crate) addresses: u32,
    /// The lengths, and the first bytes, of the values of `id`.
    pub(crate) texts: u32,
}

impl Seen {
    pub(crate) fn text(&mut self, id: Option<&[u8]>) {
        let id = id.unwrap_or_default();
        self.texts += id.len() as u32 + u32::from(id.first().copied().unwrap_or(0));
    }

    pub(crate) fn address(&mut self, bytes: &[u8]) {
        self.addresses += bytes.iter().copied().map(u32::from).sum::<u32>();
    }
}

/// The value in one string of a text, if its key is `id`.
pub(crate) fn id_in(string: &[u8]) -> Option<&[u8]> {
    let (key, value) = string.split_at_checked(3)?;
    key.eq_ignore_ascii_case(b"id=").then_some(value)
}

/// What has to be found where these answer.
pub(crate) fn expected(services: &[Service]) -> Seen {
    let mut seen =
        Seen { records: (RECORDS * services.len()) as u32, owners: 2, pointers: 1, ..Seen::default() };
    for service in services {
        seen.ports += u32::from(service.port);
        seen.address(&service.v4.octets());
        seen.address(&service.v6.octets());
        seen.text(service.texts.iter().find_map(|text| id_in(text.as_bytes())));
    }
    seen
}
