//! Faults that strike hosts: they begin and end here; those that strike datagrams only are handed to the conditions.

use std::rc::Rc;

use chat_core::{Input, Interface};

use super::World;
use crate::{
    chance::Domain,
    fault::{DiskFate, DiskTrouble, Fault, Pause, PlannedFault, Target},
    host::{State, disk::Rest},
    lan::fate::HostSet,
    watch::Fact,
};

impl World {
    pub(super) fn on_fault(&mut self, number: usize, begins: bool) {
        let plan = Rc::clone(&self.plan);
        let Some(fault) = plan.faults.get(number) else { return };
        let struck = self.struck(fault);
        self.watch.see(self.now, &Fact::Fault { number, begins, struck: struck.members() });
        if fault.what.is_of_the_network() {
            if begins {
                self.conditions.begin(self.now, number, fault.what.clone(), struck);
            } else {
                self.conditions.end(number);
            }
            return;
        }
        // A fault may strike the way to a foe, never the foe.
        let hosts = self.machines.len();
        for &host in struck.members().iter().filter(|host| **host < hosts) {
            let bit =
                if begins { self.strike(host, number, &fault.what) } else { self.heal(host, &fault.what) };
            self.fired[number] += u64::from(begins && bit);
        }
    }

    fn struck(&self, fault: &PlannedFault) -> HostSet {
        HostSet::new(match &fault.on {
            Target::Everything => (0..self.machines.len()).collect(),
            Target::Segment(link) => self.lan.link(*link).members.iter().map(|(host, _)| *host).collect(),
            Target::Hosts(hosts) => hosts.clone(),
        })
    }

    /// A fault begins for one host. Whether it changed anything.
    fn strike(&mut self, host: usize, number: usize, fault: &Fault) -> bool {
        let running = self.machines[host].state == State::Runs;
        match fault {
            Fault::InterfaceDown => {
                let down = self.set_cards(host, false);
                down && running
            }
            Fault::AddressChange { duplicate } => {
                let twin = duplicate.then(|| (host + 1) % self.machines.len());
                for card in 0..self.lan.cards(host).len() {
                    self.lan.readdress(host, card, twin);
                }
                self.tell_interfaces(host);
                running
            }
            Fault::SecondCard { segment } => {
                self.lan.attach(self.now, host, *segment);
                self.tell_interfaces(host);
                running
            }
            Fault::Crash { disk } => {
                self.crash(host, number, *disk);
                running
            }
            Fault::Pause { how } => self.pause(host, *how),
            Fault::Clock { jump_ms, drift_ppm } => {
                let now = self.now;
                let clock = &mut self.machines[host].clock;
                clock.step(*jump_ms);
                clock.drift(now, *drift_ppm);
                self.tell_time(host);
                running
            }
            Fault::Disk { how } => {
                let mood = &mut self.machines[host].disk.mood;
                match how {
                    DiskTrouble::Full => mood.full = true,
                    DiskTrouble::Lies => mood.lies = true,
                    DiskTrouble::Slow => mood.slow = Some(100),
                }
                running
            }
            _ => false,
        }
    }

    /// It ends.
    fn heal(&mut self, host: usize, fault: &Fault) -> bool {
        match fault {
            Fault::InterfaceDown => self.set_cards(host, true),
            Fault::Crash { .. } => {
                self.start(host);
                true
            }
            Fault::Pause { how } => self.resume(host, *how),
            Fault::Clock { jump_ms, .. } => {
                let now = self.now;
                let clock = &mut self.machines[host].clock;
                clock.step(jump_ms.saturating_neg());
                clock.drift(now, 0);
                self.tell_time(host);
                true
            }
            Fault::Disk { .. } => {
                self.machines[host].disk.mood = Default::default();
                true
            }
            Fault::SecondCard { .. } => {
                let last = self.lan.cards(host).len() - 1;
                self.lan.set_up(self.now, host, last, false);
                self.tell_interfaces(host);
                true
            }
            _ => false,
        }
    }

    fn set_cards(&mut self, host: usize, up: bool) -> bool {
        let cards = self.lan.cards(host).len();
        let changed = self.lan.cards(host).iter().any(|card| card.up != up);
        (0..cards).for_each(|card| self.lan.set_up(self.now, host, card, up));
        self.tell_interfaces(host);
        changed
    }

    fn tell_interfaces(&mut self, host: usize) {
        let interfaces = self.list_cards(host);
        self.lan.report(self.now, host);
        self.give(host, Input::Interfaces(&interfaces), None);
    }

    /// What the host's system lists now.
    pub(super) fn list_cards(&mut self, host: usize) -> Vec<Interface> {
        let interfaces = self.lan.interfaces(host);
        let up = self.lan.cards(host).iter().filter(|card| card.up);
        let links: Vec<_> = up.map(|card| card.link).collect();
        self.watch.see(self.now, &Fact::Cards { host, interfaces: &interfaces, links: &links });
        interfaces
    }

    fn tell_time(&mut self, host: usize) {
        let wall = self.machines[host].clock.wall(self.now);
        self.give(host, Input::WallClock(wall), None);
    }

    fn crash(&mut self, host: usize, number: usize, fate: DiskFate) {
        let machine = &mut self.machines[host];
        if machine.state == State::Off {
            return;
        }
        machine.stop();
        match fate {
            DiskFate::Kept => {}
            DiskFate::LoseUnsynced => machine.disk.crash(Rest::Nothing),
            DiskFate::Torn => {
                let share = self.chance.below(256, Domain::Disk, &[number as u64, host as u64]);
                machine.disk.crash(Rest::Torn(u8::try_from(share).unwrap_or(0)));
            }
            DiskFate::RolledBack => machine.disk.roll_back(machine.disk.len() / 2),
            DiskFate::Wiped => machine.wipe(&self.chance),
            DiskFate::CopyOf(other) => {
                // Another machine than this, or there is nothing to copy.
                if let Ok([machine, other]) = self.machines.get_disjoint_mut([host, other]) {
                    machine.copy(other);
                }
            }
        }
        self.watch.see(self.now, &Fact::Ended { host, goodbye: false });
    }

    fn pause(&mut self, host: usize, how: Pause) -> bool {
        let now = self.now;
        let machine = &mut self.machines[host];
        if machine.state != State::Runs {
            return false;
        }
        machine.state = if how == Pause::Process { State::Stopped } else { State::Asleep };
        machine.wake = None;
        machine.wishes += 1;
        if how != Pause::Process {
            machine.clock.stop(now);
        }
        true
    }

    fn resume(&mut self, host: usize, how: Pause) -> bool {
        let now = self.now;
        let machine = &mut self.machines[host];
        // Of two that overlap, the end of one is not the end of the other.
        let paused = if how == Pause::Process { State::Stopped } else { State::Asleep };
        if machine.state != paused {
            return false;
        }
        machine.state = State::Runs;
        if how != Pause::Process {
            machine.clock.resume(now, how == Pause::SleepCounted);
            let entropy = self.chance.bytes(Domain::Node, &[host as u64, now.as_nanos()]);
            self.give(host, Input::Entropy(entropy), None);
        }
        // Whatever changed in the meantime waited for it, in a stopped process too.
        self.tell_time(host);
        self.tell_interfaces(host);
        while let Some(waiting) = self.machines[host].buffer.take() {
            self.receive(host, &waiting.flight, waiting.card, waiting.damaged.as_deref());
        }
        self.give(host, Input::Tick, None);
        true
    }
}
