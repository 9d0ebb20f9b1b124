//! What bo does when the person says so: `fake: hear 1 hello`.

use super::*;

impl Fake {
    pub(super) fn on_order(&mut self, place: &Place, order: &str) {
        let words: Vec<&str> = order.splitn(3, ' ').collect();
        match words[..] {
            ["hear", times, text] => {
                for _ in 0..times.parse().unwrap() {
                    self.hear(place, text);
                }
            }
            ["missed", times, text] => {
                // The other way round, as repair may bring them.
                for number in (1..=times.parse().unwrap()).rev() {
                    self.hear_so(place, &format!("{text} {number}"), |message| {
                        message.late = true;
                        message.stamp.0 = message.stamp.0 - 3_600_000_000 + number * 1_000_000;
                        message.sent.0 -= 3_600_000;
                    });
                }
            }
            ["unsaid", text] => {
                let mut entry = self.entry(place, BO, text);
                entry.messages.iter_mut().for_each(|message| Arc::make_mut(message).late = true);
                let target = entry.messages[0].id;
                self.change(place, BO, What::Delete { target }, 0);
                self.tell(Event::Message(entry.messages[0].clone()));
                self.persist(vec![Record::Entry(entry)], vec![]);
            }
            ["poses", nick, text] => {
                self.hear_so(place, text, |message| message.nick = Nick::new(nick).unwrap());
            }
            ["ahead", minutes, text] => {
                let minutes: i64 = minutes.parse().unwrap();
                self.hear_so(place, text, |message| {
                    message.sent.0 = message.sent.0.saturating_add_signed(minutes * 60_000);
                });
            }
            ["direct", text] => self.hear(&Place::Direct(BO), text),
            ["later", text] => self.later = Some((place.clone(), text.to_string())),
            ["again"] => {
                let entry = self.heard.clone().unwrap();
                self.persist(vec![Record::Entry(entry)], vec![]);
            }
            ["edits", text] => {
                let target = self.heard.as_ref().unwrap().messages[0].id;
                self.change(place, BO, What::Edit { target, text: text.to_string() }, 0);
            }
            ["deletes"] => {
                let target = self.heard.as_ref().unwrap().messages[0].id;
                self.change(place, BO, What::Delete { target }, 0);
            }
            ["about", topic] => self.change(place, BO, What::Topic(Topic::new(topic).unwrap()), 0),
            ["offers", name] => self.bo_offers(place, name, true),
            ["lies", name] => self.bo_offers(place, name, false),
            ["holds"] => self.bo_holds(true),
            ["goes", "on"] => self.bo_holds(false),
            ["withdraws"] => self.bo_withdraws(),
            ["fetches"] => self.bo_fetches(),
            ["lose"] => self.bo(PeerState::Lost),
            ["rekeys"] => {
                let Place::Room(room) = place else { panic!("{place}") };
                self.rekey(BO, room, vec![PeerKey([0xcc; 32])], RekeyState::Announced);
                self.rekey(BO, room, vec![PeerKey([0xcc; 32])], RekeyState::Offered);
            }
            ["rivals"] => {
                let Place::Room(room) = place else { panic!("{place}") };
                self.rekey(PeerKey([0xcc; 32]), room, vec![], RekeyState::Offered);
            }
            ["moves"] => {
                let Place::Room(room) = place else { panic!("{place}") };
                let root = RoomRoot::new([0xbb; 32]);
                self.rekey(BO, room, Vec::new(), RekeyState::Followed { root });
            }
            ["kicks"] => {
                let Place::Room(room) = place else { panic!("{place}") };
                self.rekey(PeerKey([0xcc; 32]), room, vec![self.own], RekeyState::Announced);
            }
            ["deaf"] => self.is_deaf = true,
            ["twice"] => self.person(BO, "bo", BO_OTHER_RUN, PeerState::Online),
            ["once"] => self.bo(PeerState::Lost),
            ["copied"] => self.person(self.own, "ana", BO_OTHER_RUN, PeerState::Online),
            ["copied", "no", "more"] => self.person(self.own, "ana", BO_OTHER_RUN, PeerState::Lost),
            ["copy"] => {
                self.bo(PeerState::Lost);
                self.person(COPY, "bo", BO_RUN, PeerState::Online);
                let digits = "1111 2222 3333".parse().unwrap();
                self.tell(Event::Compared { key: COPY, digits, asked: false });
            }
            ["rename", nick] => self.person(BO, nick, BO_RUN, PeerState::Online),
            ["crowd", count] => (1..=count.parse().unwrap()).for_each(|number: u8| {
                self.person(PeerKey([number; 32]), &format!("p{number}"), BO_RUN, PeerState::Online);
            }),
            ["hangs"] => {
                self.is_hung.store(true, Ordering::Relaxed);
                self.hear(place, "there it hangs");
            }
            _ => panic!("{order}"),
        }
    }

    pub(super) fn hear(&mut self, place: &Place, text: &str) {
        self.hear_so(place, text, |_| {});
    }

    /// Repair has brought it.
    pub(super) fn hear_late(&mut self, place: &Place, text: &str) {
        self.hear_so(place, text, |message| message.late = true);
    }

    fn hear_so(&mut self, place: &Place, text: &str, alter: impl Fn(&mut Message)) {
        let mut entry = self.entry(place, BO, text);
        entry.messages.iter_mut().map(Arc::make_mut).for_each(alter);
        entry.stamp = entry.messages[0].stamp;
        entry.placed = entry.stamp;
        self.tell(Event::Message(entry.messages[0].clone()));
        self.heard = Some(entry.clone());
        self.persist(vec![Record::Entry(entry)], vec![]);
    }

    pub(super) fn rekey(&mut self, from: PeerKey, room: &RoomName, without: Vec<PeerKey>, state: RekeyState) {
        let (former, successor) = (RoomKeyId::of_open(REAL, room), room_after(from));
        let nick = Nick::new(if from == self.own { "ana" } else { "bo" }).unwrap();
        let (room, again) = (room.clone(), false);
        let rekey = Rekey { room, former, successor, from, nick, without, state, again };
        self.tell(Event::Rekey(Box::new(rekey)));
    }

    pub(super) fn bo(&mut self, state: PeerState) {
        self.person(BO, "bo", BO_RUN, state);
    }

    pub(super) fn person(&mut self, key: PeerKey, nick: &str, boot: BootId, state: PeerState) {
        let nick = Nick::new(nick).unwrap();
        self.tell(Event::Peer(PeerChange {
            state,
            key: Some(key),
            id: Some(key.short()),
            boot: Some(boot),
            nick: Some(nick.clone()),
            address: "10.0.0.2:27182".parse().ok(),
            via: Source::Mdns,
            direct: true,
            through: None,
        }));
        let seen = self.clock.wall();
        let peer = StoredPeer { key, nick, direct: [1; 32], addresses: vec![], seen };
        self.persist(vec![Record::Peer(peer)], vec![]);
    }
}
