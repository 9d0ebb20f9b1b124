//! dns-parser, which only reads.

use std::{
    fmt::{self, Write as _},
    hint::black_box,
};

use dns_parser::{Name, Packet, RData};

use crate::work::{Seen, WANTED, WANTED_HOST, id_in};

pub(crate) fn parse(bytes: &[u8]) {
    let _ = black_box(Packet::parse(bytes));
}

pub(crate) fn read(bytes: &[u8]) -> Seen {
    let message = Packet::parse(bytes).expect("a message");
    let mut seen = Seen::default();
    for record in message.answers.iter().chain(&message.additional) {
        seen.records += 1;
        seen.owners += u32::from(is(&record.name, &WANTED));
        match &record.data {
            RData::PTR(target) => seen.pointers += u32::from(is(&target.0, &WANTED)),
            RData::SRV(srv) => {
                seen.ports += u32::from(srv.port);
                seen.hosts += u32::from(is(&srv.target, &WANTED_HOST));
            }
            RData::TXT(texts) => seen.text(texts.iter().find_map(id_in)),
            RData::A(address) => seen.address(&address.0.octets()),
            RData::AAAA(address) => seen.address(&address.0.octets()),
            _ => {}
        }
    }
    seen
}

fn is(name: &Name<'_>, labels: &[&str]) -> bool {
    let mut expected = Expected { labels, at: 0 };
    write!(expected, "{name}").is_ok() && matches!(expected.labels, [last] if last.len() == expected.at)
}

/// Takes the text of a name as long as it is the one that is looked for.
struct Expected<'e> {
    labels: &'e [&'e str],
    at: usize,
}

impl fmt::Write for Expected<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let label = self.labels.first().ok_or(fmt::Error)?.as_bytes();
            match label.get(self.at) {
                Some(wanted) if wanted.eq_ignore_ascii_case(&byte) => self.at += 1,
                None if byte == b'.' => (self.labels, self.at) = (&self.labels[1..], 0),
                _ => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}
