//! The blocks of a pcapng file, little-endian, with times in nanoseconds.

/// Packets begin with their IP header.
const LINKTYPE_RAW: u16 = 101;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

const END: u16 = 0;
const COMMENT: u16 = 1;
const SECTION_PROGRAM: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_TIME: u16 = 9;
const PACKET_FLAGS: u16 = 2;
const PACKET_DROPPED: u16 = 4;
/// The most bytes of an option's value: its length has 16 bits.
const VALUE_MAX: usize = u16::MAX as usize;

/// What is told of a packet beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// The place of its interface among the interface blocks.
    pub(super) interface: u32,
    /// Since 1970.
    pub(super) nanos: u64,
    pub(super) is_outbound: bool,
    pub(super) cast: Cast,
    /// Packets that were left out right before it.
    pub(super) dropped: u64,
    pub(super) comments: &'a [String],
}

/// To how many a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cast {
    Unicast = 1,
    Multicast = 2,
    Broadcast = 3,
}

/// Begins a file.
pub(super) fn put_section(out: &mut Vec<u8>, program: &str, comment: &str) {
    put_block(out, SECTION_HEADER, |out| {
        out.extend_from_slice(&BYTE_ORDER.to_le_bytes());
        // Version 1.0, and nobody knows yet how long it gets.
        out.extend_from_slice(&[1, 0, 0, 0]);
        out.extend_from_slice(&u64::MAX.to_le_bytes());
        put_option(out, COMMENT, comment.as_bytes());
        put_option(out, SECTION_PROGRAM, program.as_bytes());
        put_option(out, END, &[]);
    });
}

/// Names the next interface.
pub(super) fn put_interface(out: &mut Vec<u8>, name: &str) {
    put_block(out, INTERFACE, |out| {
        out.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        // Packets of any length.
        out.extend_from_slice(&[0; 6]);
        put_option(out, INTERFACE_NAME, name.as_bytes());
        // Times are in units of 10^-9 s.
        put_option(out, INTERFACE_TIME, &[9]);
        put_option(out, END, &[]);
    });
}

/// Adds a packet.
pub(super) fn put_packet(out: &mut Vec<u8>, packet: &[u8], about: About<'_>) {
    put_block(out, ENHANCED_PACKET, |out| {
        out.extend_from_slice(&about.interface.to_le_bytes());
        // The higher half comes first.
        out.extend_from_slice(&u32::try_from(about.nanos >> 32).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&low(about.nanos).to_le_bytes());
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_le_bytes();
        out.extend_from_slice(&length);
        out.extend_from_slice(&length);
        out.extend_from_slice(packet);
        pad(out);
        about.comments.iter().for_each(|comment| put_option(out, COMMENT, cut(comment)));
        let direction = if about.is_outbound { 2 } else { 1 };
        put_option(out, PACKET_FLAGS, &(direction | (about.cast as u32) << 2).to_le_bytes());
        if about.dropped > 0 {
            put_option(out, PACKET_DROPPED, &about.dropped.to_le_bytes());
        }
        put_option(out, END, &[]);
    });
}

/// How many of the first `most` bytes are whole blocks.
pub(super) fn whole(blocks: &[u8], most: usize) -> usize {
    let mut whole = 0;
    while let Some(length) = blocks.get(whole + 4..).and_then(|rest| rest.first_chunk()) {
        let end = whole + u32::from_le_bytes(*length) as usize;
        if end > most {
            break;
        }
        whole = end;
    }
    whole
}

fn put_block(out: &mut Vec<u8>, kind: u32, put_body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    put_body(out);
    let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&length);
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&length);
    }
}

fn put_option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..VALUE_MAX).unwrap_or(value);
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(value);
    pad(out);
}

/// Blocks begin at a multiple of four in `out`, since all of it is blocks.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

/// As much of a text as fits an option, up to a whole character.
fn cut(text: &str) -> &[u8] {
    let whole = (0..=text.len().min(VALUE_MAX)).rev().find_map(|end| text.get(..end));
    whole.unwrap_or_default().as_bytes()
}

fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'_> = About {
        interface: 3,
        nanos: (7 << 32) + 9,
        is_outbound: true,
        cast: Cast::Multicast,
        dropped: 0,
        comments: &[],
    };

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn a_block_says_its_length_at_both_ends_and_everything_is_padded() {
        let mut out = Vec::new();
        put_section(&mut out, "chat", "a comment");
        let section = out.len();
        put_interface(&mut out, "eth0");
        let interface = out.len();
        put_packet(
            &mut out,
            &[1, 2, 3, 4, 5],
            About { comments: &[String::from("hi")], dropped: 4, ..ABOUT },
        );
        for (start, end) in [(0, section), (section, interface), (interface, out.len())] {
            assert_eq!(word(&out, start + 4) as usize, end - start);
            assert_eq!(word(&out, end - 4) as usize, end - start);
            assert_eq!(end % 4, 0);
        }
        let packet = &out[interface..];
        let words: Vec<_> = (0..7).map(|index| word(packet, index * 4)).collect();
        assert_eq!(words, [6, 72, 3, 7, 9, 5, 5]);
        assert_eq!(packet[28..36], [1, 2, 3, 4, 5, 0, 0, 0]);
        assert_eq!(packet[36..44], [1, 0, 2, 0, b'h', b'i', 0, 0], "the comment");
        assert_eq!(packet[44..52], [2, 0, 4, 0, 0b1010, 0, 0, 0], "outbound, multicast");
        assert_eq!(packet[52..64], [4, 0, 8, 0, 4, 0, 0, 0, 0, 0, 0, 0], "left out before");
        assert_eq!(packet[64..68], [0; 4], "the end of the options");
    }

    #[test]
    fn a_comment_that_is_too_long_is_cut_between_characters() {
        let comments = ["ä".repeat(40_000)];
        let mut out = Vec::new();
        put_packet(&mut out, &[], About { comments: &comments, ..ABOUT });
        let length = u16::from_le_bytes([out[30], out[31]]);
        assert_eq!(length, 65_534);
        assert!(str::from_utf8(&out[32..32 + usize::from(length)]).is_ok());
        assert_eq!(word(&out, 4) as usize, out.len());
    }

    #[test]
    fn what_is_whole_ends_with_a_block() {
        let mut out = Vec::new();
        put_interface(&mut out, "eth0");
        let first = out.len();
        put_packet(&mut out, &[1; 99], ABOUT);
        assert_eq!(whole(&out, out.len()), out.len());
        assert_eq!(whole(&out, out.len() - 1), first);
        assert_eq!(whole(&out, first), first);
        assert_eq!((whole(&out, first - 1), whole(&[], 0)), (0, 0));
    }
}
