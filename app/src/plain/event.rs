//! What the node tells, and what becomes of it.

use chat_core::{Event, Instant};

use super::{Plain, pending::Pending, stats};
use crate::{clean, engine::Engine};

impl Plain {
    pub(super) fn on_event(&mut self, now: Instant, event: Event, engine: &mut Engine) {
        self.delivery.on_event(&event);
        if self.on_import_event(&event) {
            return;
        }
        match event {
            Event::Done { tag, message } => {
                let pending = self.pending.remove(&tag);
                if let (Some(Pending::Say { text, .. }), Some(message)) = (&pending, message) {
                    self.delivery.on_said(now, message.entry, text);
                }
                if let (Some(Pending::Offer(prepared)), Some(file)) = (&pending, message) {
                    self.on_offered(file, prepared.clone(), engine);
                }
                pending.into_iter().for_each(|pending| self.on_done(now, pending, engine));
                self.go_on_with_lines(engine);
            }
            Event::Refused { tag, reason } => {
                let pending = self.pending.remove(&tag);
                pending.into_iter().for_each(|pending| self.on_refused(pending, reason, engine));
                self.go_on_with_lines(engine);
            }
            Event::Message(message) => self.on_message(now, message, engine),
            Event::Transfer(transfer) => self.on_transfer(now, transfer),
            Event::Peer(change) => self.on_peer(now, change),
            Event::Room { room, key, joined } => self.people.on_room(room, key, joined),
            Event::Net(net) => {
                self.doctor.on_net(now, &net);
                if let Some(line) = self.alone.on_net(now, net) {
                    self.notice(&line);
                }
                let left_out = (self.left_out)();
                if self.told_left_out != left_out {
                    left_out.iter().for_each(|line| self.notice(&format!("left out: {line}")));
                    self.told_left_out = left_out;
                }
            }
            Event::Compared { key, digits, asked } => self.show_digits(key, digits, asked),
            Event::Trusted { key, trust } => self.people.set_trust(key, trust),
            Event::Counted { stats, .. } => self.list(stats::lines(&stats)),
            Event::Examined { tag, findings } => self.on_examined(tag, *findings),
            Event::Renamed { instance } => {
                let name = clean::name(&instance);
                self.notice(&format!("your name was taken in discovery; there you are {name} now"));
            }
            Event::Unreachable { address, reason, .. } => self.notice(&format!("{address}: {reason}")),
            Event::Rekey(rekey) => {
                self.on_rekey(&rekey);
                self.go_on();
            }
            Event::Kept { place, days } => self.on_kept(&place, days),
            Event::Finished => {
                self.show_missed(engine);
                self.end_import(true);
                self.tell_undone();
                self.tell_unheard();
            }
            _ => {}
        }
    }
}
