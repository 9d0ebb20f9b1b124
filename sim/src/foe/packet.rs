//! Messages of DNS, good and bad (RFC 1035 section 4), by hand: most of them are such as no library would write.

/// The types of records that foes write.
pub(super) mod kind {
    pub(crate) const A: u16 = 1;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const NSEC: u16 = 47;
    pub(crate) const ANY: u16 = 255;
}

pub(super) const QUERY: u16 = 0;
pub(super) const TRUNCATED_QUERY: u16 = 0x0200;
pub(super) const RESPONSE: u16 = 0x8400;
/// The Internet, and with "all there is of this name and type" or "answer me alone".
pub(super) const IN: u16 = 1;
pub(super) const IN_TOP: u16 = 0x8001;

const HEADER: usize = 12;

/// A name on the wire.
pub(super) fn name(labels: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in labels {
        wire.push(u8::try_from(label.len()).unwrap_or(63));
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}

/// The service of the chat.
pub(super) fn service() -> Vec<u8> {
    name(&[b"_p2p-chat", b"_udp", b"local"])
}

/// An instance of it.
pub(super) fn instance(label: &[u8]) -> Vec<u8> {
    name(&[label, b"_p2p-chat", b"_udp", b"local"])
}

/// A message in the making; nothing is checked.
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(flags: u16) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        Self { bytes }
    }

    pub(super) fn question(mut self, name: &[u8], kind: u16, class: u16) -> Self {
        self.count(0);
        self.bytes.extend_from_slice(name);
        self.words(&[kind, class]);
        self
    }

    pub(super) fn answer(mut self, name: &[u8], (kind, class): (u16, u16), ttl: u32, data: &[u8]) -> Self {
        self.count(1);
        self.bytes.extend_from_slice(name);
        self.words(&[kind, class]);
        self.bytes.extend_from_slice(&ttl.to_be_bytes());
        self.words(&[u16::try_from(data.len()).unwrap_or(u16::MAX)]);
        self.bytes.extend_from_slice(data);
        self
    }

    /// Anything behind it.
    pub(super) fn raw(mut self, section: usize, bytes: &[u8]) -> Self {
        self.count(section);
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn count(&mut self, section: usize) {
        let at = 4 + 2 * section;
        let count = u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]) + 1;
        self.bytes[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }

    fn words(&mut self, words: &[u16]) {
        words.iter().for_each(|word| self.bytes.extend_from_slice(&word.to_be_bytes()));
    }
}

/// The data of a TXT record.
pub(super) fn strings(strings: &[String]) -> Vec<u8> {
    let string = |string: &String| {
        let length = string.len().min(255);
        [&[u8::try_from(length).unwrap_or(255)], &string.as_bytes()[..length]].concat()
    };
    strings.iter().flat_map(string).collect()
}

/// Whether this is a response, as far as its header says.
pub(super) fn is_response(bytes: &[u8]) -> bool {
    bytes.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

/// Where a record lies in a message.
pub(super) struct Place {
    pub(super) name: usize,
    pub(super) kind: u16,
    pub(super) class: usize,
    pub(super) ttl: usize,
    pub(super) data: std::ops::Range<usize>,
}

/// The records of a message that an honest peer has sent; as many as can be read.
pub(super) fn records(bytes: &[u8]) -> Vec<Place> {
    let count = |section: usize| word(bytes, 4 + 2 * section).unwrap_or(0);
    let mut places = Vec::new();
    let mut at = HEADER;
    for _ in 0..count(0) {
        let Some(end) = skip(bytes, at) else { return places };
        at = end + 4;
    }
    for _ in 0..u32::from(count(1)) + u32::from(count(2)) + u32::from(count(3)) {
        let name = at;
        let Some(end) = skip(bytes, at) else { return places };
        let (Some(kind), Some(length)) = (word(bytes, end), word(bytes, end + 8)) else { return places };
        let data = end + 10..end + 10 + usize::from(length);
        at = data.end;
        if at > bytes.len() {
            return places;
        }
        places.push(Place { name, kind, class: end + 2, ttl: end + 4, data });
    }
    places
}

/// The name at `at` without pointers.
pub(super) fn expand(bytes: &[u8], mut at: usize) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    for _ in 0..128 {
        let length = *bytes.get(at)?;
        match length {
            0 => {
                wire.push(0);
                return Some(wire);
            }
            0xC0.. => at = usize::from(word(bytes, at)? & 0x3FFF),
            _ => {
                let end = at + 1 + usize::from(length);
                wire.extend_from_slice(bytes.get(at..end)?);
                at = end;
            }
        }
    }
    None
}

/// The end of the name at `at`.
fn skip(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            0xC0.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}
