//! The headers that a datagram has on the wire: IPv4 or IPv6, then UDP.

use std::net::{IpAddr, SocketAddr};

const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;

/// Appends a whole packet; `None`, and nothing, for one that cannot be: of two families, or too long.
pub(super) fn put(
    out: &mut Vec<u8>,
    (from, to): (SocketAddr, SocketAddr),
    hops: u8,
    payload: &[u8],
) -> Option<()> {
    let length = u16::try_from(UDP_HEADER + payload.len()).ok()?;
    let mut sum = Sum::default();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = u16::try_from(IPV4_HEADER + usize::from(length)).ok()?;
            let mut header = [0; IPV4_HEADER];
            // Version 4, and five words of header.
            header[0] = 0x45;
            header[2..4].copy_from_slice(&total.to_be_bytes());
            // Not to be cut, so its number means nothing (RFC 6864 section 4.1).
            header[6] = 0x40;
            (header[8], header[9]) = (hops, UDP);
            header[12..16].copy_from_slice(&from.octets());
            header[16..20].copy_from_slice(&to.octets());
            let mut own = Sum::default();
            own.add(&header);
            header[10..12].copy_from_slice(&own.fold().to_be_bytes());
            out.extend_from_slice(&header);
            sum.add(&header[12..]);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend_from_slice(&[0x60, 0, 0, 0]);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&[UDP, hops]);
            for address in [from, to] {
                out.extend_from_slice(&address.octets());
                sum.add(&address.octets());
            }
        }
        _ => return None,
    }
    let mut header = [0; UDP_HEADER];
    header[..2].copy_from_slice(&from.port().to_be_bytes());
    header[2..4].copy_from_slice(&to.port().to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
    // The pseudo header: addresses, protocol and length (RFC 768, RFC 8200 section 8.1).
    sum.add(&[0, UDP]);
    sum.add(&length.to_be_bytes());
    sum.add(&header);
    sum.add(payload);
    // A zero would mean that there is none.
    let checksum = Some(sum.fold()).filter(|&sum| sum != 0).unwrap_or(u16::MAX);
    header[6..].copy_from_slice(&checksum.to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    Some(())
}

/// The checksum of the Internet (RFC 1071): of parts of even length, but for the last.
#[derive(Clone, Copy, Debug, Default)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks(2) {
            let word = pair.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
            self.0 += word << (8 * (2 - pair.len()));
        }
    }

    fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > u64::from(u16::MAX) {
            sum = (sum & u64::from(u16::MAX)) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(from: &str, to: &str, hops: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, (from.parse().unwrap(), to.parse().unwrap()), hops, payload).unwrap();
        out
    }

    #[test]
    fn the_checksum_is_that_of_the_example() {
        // RFC 1071 section 3.
        let mut sum = Sum::default();
        sum.add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.fold(), !0xddf2);
    }

    /// Read off a tun interface of Linux, and its number and flow label, which are the sender's business, set to 0.
    #[test]
    fn packets_are_what_linux_sends() {
        let four = [
            0x45, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x26, 0xba, 0x0a, 0x09, 0x00, 0x01,
            0x0a, 0x09, 0x00, 0x02, 0x9c, 0x40, 0xc3, 0x50, 0x00, 0x0b, 0x02, 0xc9, 0x68, 0x69, 0x21,
        ];
        assert_eq!(packet("10.9.0.1:40000", "10.9.0.2:50000", 64, b"hi!"), four);
        let six = [
            0x60, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x11, 0x40, 0xfd, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xfd, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x9c, 0x40, 0xc3, 0x50, 0x00, 0x0b, 0x1c, 0xc7,
            0x68, 0x69, 0x21,
        ];
        assert_eq!(packet("[fd09::1]:40000", "[fd09::2]:50000", 64, b"hi!"), six);
    }

    #[test]
    fn the_receivers_sum_over_all_is_zero_for_both_families_and_any_length() {
        for length in 0..70 {
            let payload: Vec<u8> = (0..length).map(|byte: u8| byte.wrapping_mul(37)).collect();
            let four = packet("192.0.2.1:27182", "224.0.0.251:5353", 255, &payload);
            let six = packet("[fe80::1%3]:27182", "[ff02::fb]:5353", 255, &payload);
            let check = |header: &[u8], pseudo: &[u8], rest: &[u8]| {
                let (mut own, mut sum) = (Sum::default(), Sum::default());
                own.add(header);
                sum.add(pseudo);
                sum.add(&[0, UDP]);
                sum.add(&(rest.len() as u16).to_be_bytes());
                sum.add(rest);
                (own.fold(), sum.fold())
            };
            assert_eq!(check(&four[..20], &four[12..20], &four[20..]), (0, 0), "{length}");
            assert_eq!(check(&[], &six[8..40], &six[40..]), (u16::MAX, 0), "{length}");
            assert_eq!((four[8], six[7]), (255, 255));
        }
    }

    #[test]
    fn a_sum_of_zero_is_written_as_ones() {
        let zero = packet("0.0.0.0:0", "0.0.0.0:0", 0, &[0xff, 0xda]);
        assert_eq!(zero[26..28], [0xff, 0xff], "{zero:x?}");
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let mut out = Vec::new();
        let addresses = |from: &str, to: &str| (from.parse().unwrap(), to.parse().unwrap());
        assert_eq!(put(&mut out, addresses("10.0.0.1:1", "[::1]:1"), 64, &[]), None);
        assert_eq!(put(&mut out, addresses("10.0.0.1:1", "10.0.0.2:1"), 64, &[0; 65_508]), None);
        assert!(out.is_empty());
        assert!(put(&mut out, addresses("10.0.0.1:1", "10.0.0.2:1"), 64, &[0; 65_507]).is_some());
    }
}
