//! What can happen, and what that does.

use std::rc::Rc;

use bytes::Bytes;
use chat_core::{Answer, Input, StoreError, Token};

use super::{World, program::MINUTE};
use crate::{host::State, lan::Flight, watch::Fact};

/// What can happen.
pub(super) enum Happening {
    Fault {
        number: usize,
        begins: bool,
    },
    Start {
        host: usize,
    },
    /// Part of the receivers of a datagram to many get it: those whose slot is `class` modulo `classes`.
    Fanout {
        flight: Rc<Flight>,
        class: usize,
        classes: usize,
    },
    Arrive {
        flight: Rc<Flight>,
        host: usize,
        card: usize,
        /// Boxed since it is rare, and all events are as large as the largest.
        damaged: Option<Box<Bytes>>,
    },
    Stored {
        host: usize,
        boot: u64,
        token: Token,
        length: usize,
        result: Result<(), StoreError>,
    },
    Read {
        host: usize,
        boot: u64,
        token: Token,
        answer: Box<Answer>,
    },
    Written {
        host: usize,
        boot: u64,
        token: Token,
        result: Result<(), StoreError>,
    },
    Wake {
        host: usize,
        wish: u64,
    },
    Minute {
        host: usize,
        boot: u64,
    },
    Act {
        number: usize,
    },
    Foe {
        number: usize,
        wish: u64,
    },
}

impl Happening {
    /// Of what happens at the same time, the lower comes first.
    pub(super) const fn kind(&self) -> u8 {
        match self {
            Self::Fault { .. } => 0,
            Self::Start { .. } => 1,
            Self::Fanout { .. } => 2,
            Self::Arrive { .. } => 3,
            Self::Stored { .. } => 4,
            Self::Read { .. } => 5,
            Self::Wake { .. } => 6,
            Self::Minute { .. } => 7,
            Self::Act { .. } => 8,
            Self::Foe { .. } => 9,
            Self::Written { .. } => 10,
        }
    }
}

impl World {
    #[inline(always)]
    pub(super) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Fault { number, begins } => self.on_fault(number, begins),
            Happening::Start { host } => self.start(host),
            Happening::Fanout { flight, class, classes } => self.fan_out(&flight, class, classes),
            Happening::Arrive { flight, host, card, damaged } => self.arrive(&flight, host, card, damaged),
            Happening::Stored { host, boot, token, length, result } if self.is_boot(host, boot) => {
                if result.is_ok() {
                    self.machines[host].disk.sync(length);
                }
                self.watch.see(self.now, &Fact::Safe { host, token, result });
                self.give(host, Input::Persisted { token, result }, None);
            }
            Happening::Read { host, boot, token, answer } if self.is_boot(host, boot) => {
                self.give(host, Input::Fetched { token, answer: *answer }, None);
            }
            Happening::Written { host, boot, token, result } if self.is_boot(host, boot) => {
                self.give(host, Input::Written { token, result }, None);
            }
            Happening::Wake { host, wish } if self.machines[host].wishes == wish => {
                self.counts.wakes += 1;
                self.give(host, Input::Tick, None);
            }
            Happening::Minute { host, boot } if self.is_boot(host, boot) => {
                let wall = self.machines[host].clock.wall(self.now);
                self.give(host, Input::WallClock(wall), None);
                self.after(MINUTE, host, host, boot, Happening::Minute { host, boot });
            }
            Happening::Act { number } => self.act(number),
            Happening::Foe { number, wish } => self.wake_foe(number, wish),
            // About a program that is not there any more.
            Happening::Stored { .. }
            | Happening::Read { .. }
            | Happening::Written { .. }
            | Happening::Wake { .. }
            | Happening::Minute { .. } => {}
        }
    }

    fn is_boot(&self, host: usize, boot: u64) -> bool {
        let machine = &self.machines[host];
        machine.boots == boot && machine.state != State::Off
    }
}
