//! Hostile peers in the world. On links they have the numbers after the last host.

use std::{net::SocketAddr, rc::Rc};

use chat_core::{Instant, Transmit, Via};

use super::{Happening, World};
use crate::{
    chance::fold,
    foe::{Call, Shot, Villain, Wants},
    lan::{Flight, Receivers, index_of},
    watch::Fact,
};

/// The bytes of a datagram that its first fragment carries on every link.
const FRAGMENT: usize = 1200;

impl World {
    /// Foe `number` wanted to be called.
    pub(super) fn wake_foe(&mut self, number: usize, wish: u64) {
        if self.foes[number].wishes == wish {
            self.foes[number].wake = None;
            self.play(number, Call::Wake);
        }
    }

    /// A copy of a datagram is at the card of the foe with the number `host` on its link.
    pub(super) fn arrive_at_foe(&mut self, flight: &Flight, host: usize) {
        self.counts.delivered += 1;
        self.play(host - self.machines.len(), Call::Heard(flight));
    }

    /// Foes that listen in hear what is on its way to somebody else.
    pub(super) fn overhear(&mut self, flight: &Flight, to: usize) {
        if flight.many || flight.sender >= self.machines.len() {
            return;
        }
        for number in 0..self.foes.len() {
            let foe = number + self.machines.len();
            let is_there = self.plan.foes[number].on == flight.link && foe != to;
            if is_there && self.foes[number].taps(self.now) {
                self.play(number, Call::Heard(flight));
            }
        }
    }

    fn play(&mut self, number: usize, call: Call<'_>) {
        let host = self.machines.len() + number;
        let interfaces = self.lan.interfaces(host);
        let foe = &mut self.foes[number];
        let Wants { shots, members, said, wake } =
            foe.play(self.now, (self.chance, self.suite), &interfaces, call);
        if wake != foe.wake {
            foe.wake = wake;
            foe.wishes += 1;
            let wish = foe.wishes;
            if let Some(at) = wake {
                self.push(at, host, host, wish, Happening::Foe { number, wish });
            }
        }
        for key in members {
            self.watch.see(self.now, &Fact::Foe { key });
        }
        for (author, text) in &said {
            self.watch.see(self.now, &Fact::Foul { author: *author, text });
        }
        for shot in shots {
            self.shoot(number, &shot);
        }
    }

    fn shoot(&mut self, number: usize, shot: &Shot) {
        let host = self.machines.len() + number;
        let about = u64::from(shot.to.port()) << 16 | u64::from(shot.from.port());
        self.trace.bytes(about, &shot.bytes);
        let foe = &mut self.foes[number];
        foe.sent += 1;
        let count = foe.sent;
        // Where the first fragment gets through, the rest does.
        let bytes = shot.bytes.slice(..shot.bytes.len().min(FRAGMENT));
        let transmit = Transmit { via: Via::Chat, interface: index_of(0), to: shot.to, bytes };
        match self.lan.depart(self.now, host, &transmit, None) {
            Ok(departure) => {
                let id = fold(host as u64 + 1, count);
                let (link, many) = (departure.link, departure.to == Receivers::Many);
                let (from, to, bytes) = (plain(shot.from), shot.to, shot.bytes.clone());
                let flight = Rc::new(Flight { id, sender: host, from, to, link, many, bytes });
                self.launch(&flight, &departure, count);
            }
            Err(why) => self.lose(why),
        }
    }

    /// When the first wishes of foes are due.
    pub(super) fn plan_foes(&mut self) {
        for number in 0..self.foes.len() {
            let host = self.machines.len() + number;
            let at = Instant::ORIGIN + self.plan.foes[number].at.0;
            self.push(at, host, host, 0, Happening::Foe { number, wish: 0 });
        }
    }

    /// The foes of a plan.
    pub(super) fn villains(plan: &crate::plan::Plan) -> Vec<Villain> {
        plan.foes.iter().cloned().enumerate().map(|(number, foe)| Villain::new(number, foe)).collect()
    }
}

/// Without the scope, which every receiver sets for itself.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}
