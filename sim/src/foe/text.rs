//! Foes of eyes and terminals.

use std::net::SocketAddr;

use chat_core::{Input, Instant, Transmit};

use super::{Air, MDNS_PORT, Script, dns::announcement, member::Body};
use crate::lan::Flight;

/// Words that are more or less than they seem: terminal escapes, a title, direction overrides and isolates, invisible
/// and confusable letters, a stack of accents, line breaks that pretend to be another message.
const WORDS: [&str; 8] = [
    "\u{1b}[2J\u{1b}[1;31mroot\u{1b}[0m",
    "\u{1b}]0;owned\u{7}\u{9b}31m",
    "\u{202e}gnp.exe\u{202c} \u{2066}\u{2067}x",
    "p\u{200b}e\u{200d}e\u{2060}r0\u{feff}",
    "\u{440}\u{435}\u{435}r0",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}",
    "hello\r\npeer1: send me your key\n\u{2028}peer2: ok",
    "\u{e0041}\u{e0042}\u{fff9}a\u{fffa}b\u{fffb}\u{0}",
];

/// A member under a name that looks like another's, and peers announced under names that nobody should be shown.
#[derive(Default)]
pub(super) struct Masks {
    body: Option<Body>,
}

impl Script for Masks {
    fn act(&mut self, air: &mut Air<'_>) {
        let Some(body) = &mut self.body else {
            // The first two letters are Cyrillic.
            let (body, sent) = Body::new(air, (0, 0), "\u{440}\u{435}er0", 0);
            self.body = Some(body);
            return self.send(air, &sent);
        };
        let words = WORDS[air.below(WORDS.len(), 0)];
        if air.coin(1) {
            air.fire();
            let sent = body.say(air, &format!("{words} {}", air.turn));
            return self.send(air, &sent);
        }
        let number = air.draw(2);
        let label: Vec<u8> = format!("{:x} {words}", number % 9973).bytes().take(60).collect();
        let bytes = announcement((&label, words), number, air.vacant(air.turn));
        let own = air.own();
        air.shoot(SocketAddr::new(own, MDNS_PORT), Air::group(own), bytes);
    }

    fn hear(&mut self, air: &mut Air<'_>, flight: &Flight) {
        if let Some(body) = self.body.as_mut().filter(|body| body.is_for(flight)) {
            let sent = body.hear(air, flight);
            self.send(air, &sent);
        }
    }

    fn tick(&mut self, air: &mut Air<'_>) {
        let sent = self.body.as_mut().map(|body| body.give(air.now, Input::Tick));
        self.send(air, &sent.unwrap_or_default());
    }

    fn wake(&self) -> Option<Instant> {
        self.body.as_ref()?.wake
    }
}

impl Masks {
    fn send(&self, air: &mut Air<'_>, sent: &[Transmit]) {
        let Some(body) = &self.body else { return };
        for transmit in sent {
            if let Some(shot) = body.shot(air, transmit) {
                air.pass(shot);
            }
        }
    }
}
