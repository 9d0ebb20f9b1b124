//! What happens with a typed line.

use chat_core::{Action, MessageId, Nick, Place, RoomName, Text, Thought};

use super::{
    Pending, Plain,
    command::{self, Command, Typed},
    delivery::beginning,
    help::HELP,
    show,
};
use crate::{address, engine::Engine, happening::Line};

/// For whoever says something in no room.
pub(super) const NOWHERE: &str = "you are in no room; /join #lobby";

impl Plain {
    /// Carries out a line. Its place in the gate is free when what it says is stored, or at once.
    pub(super) fn on_line(&mut self, line: &Line, engine: &mut Engine) {
        let done = match line {
            Line::Text(text) => match command::read(text) {
                Typed::Say(text) => self.say_here(text, false, engine),
                Typed::Command(Command::Me(text)) => self.say_here(text, true, engine),
                Typed::Command(Command::Tell { to, text }) => match self.people.resolve(to) {
                    Ok(key) => self.say(Place::Direct(key), text, false, None, engine),
                    Err(error) => Err(format!("not sent, {error}: {}", beginning(text))),
                },
                Typed::Command(Command::Reply { to, text }) => {
                    match self.others_last(Some(to), "to answer") {
                        Ok(answered) => self.say(answered.place, text, false, Some(answered.id), engine),
                        Err(error) => Err(format!("not sent, {error}: {}", beginning(text))),
                    }
                }
                Typed::Command(command) => self.on_command(&command, engine).map(|()| Said::No),
                Typed::Wrong(why) => Err(why),
                Typed::Nothing => Ok(Said::No),
            },
            Line::TooLong => Err(String::from("a line was left out: it is longer than 65536 bytes")),
            Line::NotText => Err(String::from("a line was left out: it is not UTF-8")),
        };
        match done {
            Ok(Said::Yes) => return,
            Ok(Said::No) => {}
            Err(why) => self.complain(&why),
        }
        self.gate.leave();
    }

    /// Nothing goes where it was not meant to be said.
    pub(super) fn refuse_misplaced(&self, line: &Line) {
        let place =
            if self.here.is_some() { format!("you write in {} now", self.place()) } else { NOWHERE.into() };
        let text = if let Line::Text(text) = line { beginning(text) } else { String::new() };
        self.complain(&format!("nothing was done, {place}: {text}"));
        self.gate.leave();
    }

    fn on_command(&mut self, command: &Command<'_>, engine: &mut Engine) -> Result<(), String> {
        match *command {
            Command::Help => {
                let rows = HELP.iter().map(|(usage, what)| [(*usage).to_string(), (*what).to_string()]);
                self.list(show::columns(rows.collect()));
            }
            Command::Nick(name) => {
                let nick = Nick::new(name).map_err(|error| error.to_string())?;
                self.act(Action::Rename(nick.clone()), Pending::Rename(nick), engine);
            }
            Command::Join { room, given } => self.join(room, given, engine)?,
            Command::Private(name) => self.make_private(name, engine)?,
            Command::Invite(name) => self.list([self.invite(name)?]),
            Command::Leave(name) => {
                let room = name.map(room).transpose()?.or_else(|| self.here.clone()).ok_or(NOWHERE)?;
                if !self.leave(&room) {
                    return Err(format!("you are not in {room}"));
                }
                self.act(Action::Leave(room.clone()), Pending::Leave(room), engine);
            }
            Command::Kick(who) => self.kick(who, engine)?,
            Command::Rekey(room) => self.rekey(room, engine)?,
            Command::Follow { room, who } => self.follow(room, who, engine)?,
            Command::Who(name) => match name.map(room).transpose()? {
                Some(room) if !self.rooms.contains(&room) => {
                    return Err(format!("only those in {room} know who is there; /join {room}"));
                }
                room => self.who(room.as_ref()),
            },
            Command::Peers => {
                let peers = show::peers(&self.people);
                let none = peers.is_empty().then(|| String::from("nobody so far"));
                self.list(peers.into_iter().chain(none));
            }
            Command::Rooms if self.rooms.is_empty() => return Err(String::from(NOWHERE)),
            Command::Rooms => self.list(self.list_rooms()),
            Command::More => {
                let rest =
                    self.rest.take().ok_or("there is no more: no message was cut since the last /more")?;
                self.teller.tell(&rest);
            }
            Command::Connect(text) => {
                let address = address::parse(text)?;
                self.act(Action::Connect(address), Pending::Connect, engine);
            }
            Command::Stats => self.act(Action::Count, Pending::Count, engine),
            Command::Doctor => self.act(Action::Examine, Pending::Examine { asked: true }, engine),
            Command::Edit(text) => self.edit(text, engine)?,
            Command::Delete(whom) => self.delete(whom, engine)?,
            Command::React { emoji, to, gone } => self.react(emoji, to, gone, engine)?,
            Command::Search(text) => self.search(text, engine)?,
            Command::File(argument) => self.offer_file(argument, engine)?,
            Command::Accept(who) => self.accept_file(who, engine)?,
            Command::Files => self.list(self.list_files()),
            Command::Stop(name) => self.stop_file(name, engine)?,
            Command::Keep(argument) => self.keep(argument, engine)?,
            Command::Earlier(argument) => self.earlier(argument, engine)?,
            Command::Import(file) => self.import(file, engine)?,
            Command::Export { file, room } => self.export(file, room, engine)?,
            Command::Trusted => self.list(show::trusted(&self.people)),
            Command::Verify(argument) => self.verify(argument, engine)?,
            Command::Block { who, blocked } => self.think_of(who, Thought::Blocked(blocked), engine)?,
            Command::Mute { who, muted } => self.think_of(who, Thought::Muted(muted), engine)?,
            Command::Topic(Some(topic)) => self.set_topic(topic, engine)?,
            Command::Topic(None) => self.list([self.topic(engine)?]),
            Command::Quit => self.is_leaving = true,
            Command::Me(_) | Command::Tell { .. } | Command::Reply { .. } => {
                return Err(String::from(NOWHERE));
            }
        }
        Ok(())
    }

    fn say_here(&mut self, text: &str, action: bool, engine: &mut Engine) -> Result<Said, String> {
        let room = self.here.clone().ok_or(NOWHERE)?;
        self.say(Place::Room(room), text, action, None, engine)
    }

    fn say(
        &mut self,
        place: Place,
        text: &str,
        action: bool,
        reply: Option<MessageId>,
        engine: &mut Engine,
    ) -> Result<Said, String> {
        let said = Text::new(text).map_err(|error| format!("not sent: {error}"))?;
        let pending = Pending::Say { text: text.to_string(), place: place.clone() };
        self.act(Action::Say { place, text: said, action, reply }, pending, engine);
        Ok(Said::Yes)
    }

    pub(super) fn act(&mut self, action: Action, pending: Pending, engine: &mut Engine) {
        let tag = engine.command(action);
        self.pending.insert(tag, pending);
    }

    fn who(&self, room: Option<&RoomName>) {
        let own = format!("{} (you)", self.people.label(self.people.own(), None));
        let others = show::who(&self.people, |person| room.is_none_or(|room| person.rooms.contains(room)));
        let nobody = others.is_empty().then(|| String::from("nobody else"));
        self.list([own].into_iter().chain(others).chain(nobody));
    }
}

/// Whether a line says something, and is answered when that is stored.
enum Said {
    Yes,
    No,
}

pub(super) fn room(name: &str) -> Result<RoomName, String> {
    RoomName::new(name).map_err(|error| match RoomName::new(&format!("#{name}")) {
        Ok(meant) => format!("{error}: did you mean {meant}?"),
        Err(_) => error.to_string(),
    })
}
