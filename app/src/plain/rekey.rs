//! `/kick`, `/room rekey` and `/room follow`: another key for a private room, and whoever goes along.

use std::collections::BTreeSet;

use chat_core::{Action, PeerKey, Rekey, RekeyState, RoomName};

use super::{Pending, Plain, act::NOWHERE, act::room};
use crate::{engine::Engine, rekeys};

/// People left out that are named.
const NAMED_MAX: usize = 4;

impl Plain {
    /// Puts another room in the place of the one where we write, for all but this person.
    pub(super) fn kick(&mut self, who: &str, engine: &mut Engine) -> Result<(), String> {
        let room = self.here.clone().ok_or(NOWHERE)?;
        let key = self.people.resolve(who).map_err(|error| error.to_string())?;
        self.change_key(room, vec![key], engine)
    }

    pub(super) fn rekey(&mut self, name: Option<&str>, engine: &mut Engine) -> Result<(), String> {
        let room = self.room_or_here(name)?;
        self.change_key(room, Vec::new(), engine)
    }

    fn change_key(
        &mut self,
        room: RoomName,
        without: Vec<PeerKey>,
        engine: &mut Engine,
    ) -> Result<(), String> {
        if !self.secrets.contains_key(&room) {
            return Err(format!(
                "{room} is an open room: whoever knows its name is in, and nobody can be kept out; /private makes one with a \
                 key of its own"
            ));
        }
        self.act(Action::Rekey { room, without }, Pending::Change, engine);
        Ok(())
    }

    /// Goes to the room that takes the place of ours: the only one, or that of this person, or with these digits.
    pub(super) fn follow(
        &mut self,
        name: Option<&str>,
        who: Option<&str>,
        engine: &mut Engine,
    ) -> Result<(), String> {
        let room = self.room_or_here(name)?;
        let offers = self.rekeys.offers(&room);
        let meant = match who {
            None => offers.clone(),
            Some(who) => match rekeys::with_digits(&offers, who) {
                by_digits if !by_digits.is_empty() => by_digits,
                _ => {
                    let key = self.people.resolve(who).map_err(|error| error.to_string())?;
                    // Of several of one person the latest is meant.
                    offers.iter().rfind(|offer| offer.from == key).copied().into_iter().collect()
                }
            },
        };
        let successor = match meant[..] {
            [] => return Err(format!("nobody has given you another key for {room}")),
            [offer] => offer.successor,
            _ => {
                let choices: Vec<String> = meant.iter().map(|offer| self.choice(offer)).collect();
                return Err(format!(
                    "{room} may become the room of {}; say whose: /room follow {room} NICK, or the digits",
                    choices.join(" or of ")
                ));
            }
        };
        self.act(Action::Follow { room, successor }, Pending::Change, engine);
        Ok(())
    }

    /// The room of this name, which we are in.
    fn room_or_here(&self, name: Option<&str>) -> Result<RoomName, String> {
        let room = name.map(room).transpose()?.or_else(|| self.here.clone()).ok_or(NOWHERE)?;
        if self.rooms.contains(&room) { Ok(room) } else { Err(format!("you are not in {room}")) }
    }

    fn choice(&self, offer: &Rekey) -> String {
        format!("{} ({})", self.people.label(offer.from, Some(&offer.nick)), rekeys::digits(offer))
    }

    /// A room of ours has another key, or may have.
    pub(super) fn on_rekey(&mut self, rekey: &Rekey) {
        let is_told = self.rekeys.take(rekey);
        if let RekeyState::Made { root, .. } | RekeyState::Followed { root } = &rekey.state {
            self.secrets.insert(rekey.room.clone(), root.clone());
            self.recall.forget_room(&rekey.room);
        }
        if is_told {
            self.notice(&self.told_of(rekey));
        }
    }

    fn told_of(&self, rekey: &Rekey) -> String {
        let Rekey { room, from, nick, .. } = rekey;
        let own = self.people.own();
        let who = if *from == own { String::from("you") } else { self.people.label(*from, Some(nick)) };
        let changed = match self.names(&rekey.without).as_str() {
            "" => format!("{who} changed the key of {room}"),
            names => format!("{who} shut {names} out of {room}"),
        };
        match &rekey.state {
            RekeyState::Made { given, missed, .. } => {
                let people = if *given == 1 { "one person is" } else { &format!("{given} people are") };
                let missed = match missed {
                    0 => String::new(),
                    missed => format!("; {missed} could not be sent it: /invite shows how they come in"),
                };
                format!(
                    "{changed}: {people} sent the new key, those who are away when they come; each is with you again after typing \
                     /room follow {room}{missed}"
                )
            }
            RekeyState::Followed { .. } => {
                format!("you are in the {room} of {who} now; those who have not followed do not hear you")
            }
            RekeyState::Offered => {
                let count = self.rekeys.offers(room).len();
                let rivals = match count {
                    0 | 1 => String::new(),
                    count => {
                        format!("; there are {count} to choose from, this is that of {}", self.choice(rekey))
                    }
                };
                if self.rekeys.left_behind(room).iter().all(|it| it.successor != rekey.successor) {
                    return format!("{changed}; /room follow {room} moves you there{rivals}");
                }
                let whom = self.old_readers(&rekey.without);
                format!(
                    "{changed}: type /room follow {room} to go along; until then you still talk to {whom}, and not to those who \
                     went{rivals}"
                )
            }
            _ if rekey.without.contains(&own) => {
                format!(
                    "{changed}: what they say from now on is not for you; here you are with those who stay"
                )
            }
            _ => {
                format!("{changed}: the new key is on its way to you; if it does not come, ask {who} for it")
            }
        }
    }

    /// Where others have gone to and we have not, whoever speaks is told each time who hears it.
    pub(super) fn warn_of_stale_key(&self, room: &RoomName) {
        let mut offers = self.rekeys.left_behind(room);
        // Anybody in the room can make such an offer: whoever does it for mischief is muted, and this with them.
        offers.retain(|offer| {
            let trust = self.people.trust(offer.from);
            !(trust.muted || trust.blocked)
        });
        if offers.is_empty() {
            return;
        }
        let without: BTreeSet<PeerKey> = offers.iter().flat_map(|offer| offer.without.clone()).collect();
        let whom = self.old_readers(&without.into_iter().collect::<Vec<_>>());
        self.notice(&format!(
            "careful: {whom} can still read this, and those who went to the new {room} cannot; type /room follow {room}"
        ));
    }

    /// Who hears what is said in the room that others have left.
    fn old_readers(&self, without: &[PeerKey]) -> String {
        if without.is_empty() { String::from("those who stay behind") } else { self.names(without) }
    }

    /// What those who are left out are called.
    fn names(&self, without: &[PeerKey]) -> String {
        let own = self.people.own();
        let name = |key: &PeerKey| if *key == own { "you".into() } else { self.people.label(*key, None) };
        let mut names: Vec<String> = without.iter().take(NAMED_MAX).map(name).collect();
        if without.len() > NAMED_MAX {
            names.push(format!("{} others", without.len() - NAMED_MAX));
        }
        let last = names.pop().unwrap_or_default();
        if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
    }
}
