//! What the person asks the node without a network for.

use super::*;

impl Fake {
    pub(super) fn on_command(&mut self, tag: u64, action: Action) {
        let done = Event::Done { tag, message: None };
        match action {
            Action::Say { place: Place::Room(room), .. } if !self.rooms.contains(&room) => {
                self.refuse(tag, Refusal::NotInRoom);
            }
            Action::Say { place: Place::Direct(key), .. } if key != BO => {
                self.refuse(tag, Refusal::UnknownPeer);
            }
            Action::Say { place, text, action, reply } => {
                let mut entry = self.entry(&place, self.own, text.as_str());
                let message = Arc::make_mut(&mut entry.messages[0]);
                (message.own, message.action, message.reply) = (true, action, reply);
                let message = Arc::clone(&entry.messages[0]);
                self.tell(Event::Message(Arc::clone(&message)));
                let mut events = vec![Event::Done { tag, message: Some(message.id) }];
                if !self.is_deaf {
                    events.push(Event::Receipt { entry: entry.id, stored_by: 1, of: 1 });
                }
                self.persist(vec![Record::Entry(entry)], events);
                if let Some(order) = text.as_str().strip_prefix("fake: ") {
                    self.on_order(&place, order);
                }
            }
            Action::Edit { place, target, text } => {
                self.change(&place, self.own, What::Edit { target, text: text.as_str().into() }, tag);
            }
            Action::Delete { place, target } => self.change(&place, self.own, What::Delete { target }, tag),
            Action::React { place, target, emoji, gone } => {
                self.change(&place, self.own, What::React { target, emoji, gone }, tag);
            }
            Action::Topic { room, topic } => {
                self.change(&Place::Room(room), self.own, What::Topic(topic), tag);
            }
            Action::Join(name) if name.as_str() == "#toomany" => {
                // As a node that still waits for its store.
                thread::sleep(LATER);
                self.refuse(tag, Refusal::TooManyRooms);
            }
            Action::JoinPrivate { room: name, root } => {
                self.roots.insert(name.clone(), root.clone());
                self.rooms.push(name.clone());
                let room = StoredRoom { name, joined: true, floor: Stamp(0), id: None, root: Some(root) };
                self.persist(vec![Record::Room(room)], vec![done]);
            }
            Action::Join(name) => {
                self.rooms.push(name.clone());
                let root = self.roots.get(&name).cloned();
                let room = StoredRoom { name, joined: true, floor: Stamp(1), id: None, root };
                self.persist(vec![Record::Room(room)], vec![done]);
            }
            Action::Rekey { room, .. } if !self.roots.contains_key(&room) => {
                self.refuse(tag, Refusal::OpenRoom);
            }
            Action::Rekey { room, without } => {
                let state = RekeyState::Made { root: RoomRoot::new([0xaa; 32]), given: 2, missed: 1 };
                self.rekey(self.own, &room, without, state);
                self.tell(done);
            }
            Action::Follow { successor, .. } if successor != room_after(BO) => {
                self.refuse(tag, Refusal::NoKey);
            }
            Action::Follow { room, .. } => {
                let root = RoomRoot::new([0xbb; 32]);
                self.rekey(BO, &room, Vec::new(), RekeyState::Followed { root });
                self.tell(done);
            }
            Action::Leave(name) => {
                self.rooms.retain(|room| *room != name);
                let root = self.roots.get(&name).cloned();
                let room = StoredRoom { name, joined: false, floor: Stamp(0), id: None, root };
                self.persist(vec![Record::Room(room)], vec![done]);
            }
            Action::Rename(nick) => {
                self.nick = nick.clone();
                self.persist(vec![Record::Nick(nick)], vec![done]);
            }
            Action::Compare(key) if key != BO => self.refuse(tag, Refusal::NotThere),
            Action::Compare(key) => {
                let digits = "0471 9920 3318".parse().unwrap();
                self.tell(Event::Compared { key, digits, asked: true });
                self.tell(done);
            }
            Action::Think { key, thought } => {
                let trust = self.trust.get(&key).copied().unwrap_or_default().with(thought);
                self.trust.insert(key, trust);
                self.tell(Event::Trusted { key, trust });
                self.persist(vec![Record::Trust(StoredTrust { key, trust })], vec![done]);
            }
            Action::Earlier(place) => {
                let Place::Room(name) = place.clone() else { panic!("{place}") };
                let root = self.roots.get(&name).cloned();
                let room = StoredRoom { name, joined: true, floor: Stamp(0), id: None, root };
                self.persist(vec![Record::Room(room)], vec![]);
                self.tell(done);
                self.hear_late(&place, "said before you came");
            }
            Action::Keep { place, days } => {
                self.tell(Event::Kept { place: place.clone(), days });
                let keep = StoredKeep { room: room_of(&place), place, days, from: Stamp(0) };
                self.persist(vec![Record::Keep(keep)], vec![done]);
            }
            Action::Import(bundle) => {
                let intake = Intake { new: bundle.into_entries().len() as u64, ..Intake::default() };
                self.tell(Event::Imported { tag, intake });
                self.tell(done);
            }
            Action::Connect(address) => {
                self.tell(done);
                if address.ip() == NOBODY {
                    let reason = Unreached::Silent;
                    self.tell(Event::Unreachable { tag, address, reason });
                } else {
                    self.bo(PeerState::Online);
                }
            }
            Action::Count => {
                let mut stats = Stats::default();
                stats.datagrams = 7;
                stats.session.forged = 2;
                self.tell(Event::Counted { tag, stats: stats.into() });
                self.tell(done);
            }
            Action::Examine => {
                let findings = self.findings();
                self.tell(Event::Examined { tag, findings: findings.into() });
                self.tell(done);
            }
            Action::Offer { place, offer } => self.offer(tag, &place, offer),
            Action::Fetch(wanted) => {
                self.tell(done);
                self.fetch(wanted);
            }
            Action::Stop(file) => {
                self.tell(done);
                self.stop(file);
            }
            Action::Quit => {
                self.tell(Event::Finished);
                self.has_left = true;
            }
            other => panic!("{other:?}"),
        }
    }

    /// An interface that this machine does not have, and bo if he is there.
    fn findings(&self) -> Findings {
        let bo = PeerFindings {
            key: Some(BO),
            id: Some(BO.short()),
            boot: Some(BO_RUN),
            nick: Nick::new("bo").ok(),
            address: "10.0.0.2:27182".parse().ok(),
            state: PeerState::Online,
            sources: vec![Source::Mdns],
            is_silent: false,
            path: Some(PathFindings { rtt: Duration::from_millis(3), sent: 20, lost: 0 }),
            echo: None,
            clock_ahead_ms: Some(300),
        };
        let peers = Some(bo).filter(|_| !self.is_alone).into_iter().collect();
        Findings { mdns: MdnsSocket::None, multicast: Multicast::Alone, links: vec![], peers }
    }
}
