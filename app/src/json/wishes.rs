//! What a program asks for, carried out.

use super::{
    Json, Pending, Then,
    command::{How, Wish},
    history::History,
    line::{Code, Done, Id, Line, Peer},
};
use crate::{
    door::Door,
    engine::Engine,
    phrase::{self, Phrase},
    query,
    store::Search,
};
use chat_core::{Action, MessageId, Place, Refusal, RoomName};
use jiff::tz::TimeZone;

impl Json {
    pub(super) fn on_wish(&mut self, id: Option<Id>, wish: Wish, engine: &mut Engine) {
        match wish {
            Wish::Act(action) => {
                let then = match &action {
                    Action::Join(room) => {
                        Then::Joined { door: Door { room: room.clone(), root: None }, made: None }
                    }
                    Action::Leave(room) => Then::Left(room.clone()),
                    Action::Rename(nick) => Then::Renamed(nick.clone()),
                    _ => Then::Nothing,
                };
                self.pending.insert(engine.command(action), Pending { id, then });
            }
            Wish::Enter { room, given, weak } => match phrase::root(&room, &given, weak) {
                Ok(root) => self.enter(id, Door { room, root: Some(root) }, None, engine),
                Err(error) => self.answer(&Line::error(id, Code::BadCommand, &error.to_string())),
            },
            Wish::Make(room) => match Phrase::generate() {
                Ok(phrase) => {
                    let root = Some(phrase.root(&room));
                    self.enter(id, Door { room, root }, Some(phrase), engine);
                }
                Err(error) => self.answer(&Line::error(id, Code::Busy, &error.to_string())),
            },
            Wish::Search { text, limit } => {
                let zone = TimeZone::system();
                match query::read(&text, limit, &self.people, self.clock.wall(), &zone) {
                    Ok(search) => self.search(id, search, engine),
                    Err(error) => self.answer(&Line::error(id, Code::BadCommand, &error.to_string())),
                }
            }
            Wish::Invite(room) if !self.rooms.contains(&room) => {
                self.answer(&Line::error(id, Code::NotInRoom, &Refusal::NotInRoom.to_string()));
            }
            Wish::Invite(room) => {
                let key = self.secrets.get(&room).map(|root| phrase::key(root).to_string());
                self.answer(&Line::Done(Done { id, key, ..Done::default() }));
            }
            Wish::Import(path) => self.import(id, path, engine),
            Wish::Export { path, room } => self.export(id, path, room, engine),
            Wish::History { place, limit, before } => {
                self.histories.push(History { id, place, limit, before });
                self.go_on(engine);
            }
            Wish::Change { target, how } => match self.change(target, how, engine) {
                Ok(action) => {
                    let tag = engine.command(action);
                    self.pending.insert(tag, Pending { id, then: Then::Nothing });
                }
                Err((code, message)) => self.answer(&Line::error(id, code, message)),
            },
            Wish::Offer { place, path } => self.offer(id, place, path, engine),
            Wish::Accept(file) => self.accept(id, file, engine),
            Wish::Stop(file) => self.stop(id, file, engine),
            Wish::Peers => {
                let peers = Some(Peer::all(&self.people).collect());
                let text = Line::Done(Done { id, peers, ..Done::default() }).text();
                self.answer_text(&text);
            }
            Wish::Rooms => {
                let topics = engine.ask(|store| store.topics()).and_then(Result::ok).unwrap_or_default();
                let topics = self.rooms.iter().filter_map(|room| {
                    let topic = topics.get(&Place::Room(room.clone()))?.as_str();
                    (!topic.is_empty()).then_some((room.as_str(), topic))
                });
                let (topics, rooms) = (topics.collect(), self.rooms.iter().map(RoomName::as_str).collect());
                let private = self.rooms.iter().filter(|room| self.secrets.contains_key(*room));
                let private = private.map(RoomName::as_str).collect();
                let keeps = self.keeps.clone();
                let text =
                    Line::Done(Done { id, rooms: Some(rooms), private, topics, keeps, ..Done::default() })
                        .text();
                self.answer_text(&text);
            }
            Wish::Quit => {
                self.is_leaving = true;
                self.answer(&Line::done(id));
            }
        }
    }

    fn search(&mut self, id: Option<Id>, search: Search, engine: &Engine) {
        let found = engine.ask(move |store| store.search(&search)).and_then(Result::ok);
        let Some(found) = found else {
            return self.answer(&Line::error(id, Code::Busy, "the history cannot be read now"));
        };
        for shown in &found {
            self.out.line(&Line::message(shown, self.people.trust(shown.message.from), true).text());
        }
        self.answer(&Line::done(id));
    }

    fn enter(&mut self, id: Option<Id>, door: Door, made: Option<Phrase>, engine: &mut Engine) {
        let tag = engine.command(door.action());
        self.pending.insert(tag, Pending { id, then: Then::Joined { door, made } });
    }

    /// What the node is to do so that this becomes of the message `target`.
    fn change(&self, target: MessageId, how: How, engine: &Engine) -> Result<Action, (Code, &'static str)> {
        let found = engine.ask(move |store| store.find(target)).and_then(Result::ok);
        let shown = match found.ok_or((Code::Busy, "the history cannot be read now"))? {
            Some(shown) if shown.deleted => return Err((Code::UnknownId, "that message was taken back")),
            Some(shown) => shown,
            None => return Err((Code::UnknownId, "target is no message of this profile")),
        };
        let (place, is_ours) = (shown.message.place.clone(), shown.message.from == self.people.own());
        match how {
            How::React { emoji, gone } => Ok(Action::React { place, target, emoji, gone }),
            _ if !is_ours => Err((Code::BadCommand, "only who said it may change it")),
            How::Edit(text) => Ok(Action::Edit { place, target, text }),
            How::Delete => Ok(Action::Delete { place, target }),
        }
    }
}
