//! What people are shown and whom they see.

use super::{super::*, *};

#[test]
fn once_bites_when_something_is_shown_twice_and_not_after_it_was_lost() {
    let mut stage = Stage::new(said::Once::default());
    let shown = Event::Message(message(0, 1, "a").into());
    stage.tell(1, &shown);
    stage.tell(2, &shown);
    stage.boot(1, &Disk::default());
    stage.tell(1, &shown);
    assert_eq!(stage.told, Ok(()));
    stage.tell(1, &shown);
    bites(stage.end(), "twice");
}

#[test]
fn genuine_bites_when_words_author_or_place_are_not_as_they_were_said() {
    let play = |shown: Message| {
        let mut stage = Stage::new(said::Genuine);
        stage.say(0, "a");
        stage.tell(1, &Event::Message(shown.into()));
        stage.end()
    };
    assert_eq!(play(message(0, 1, "a")), Ok(()));
    bites(play(message(0, 1, "b")), "nobody said");
    bites(play(message(2, 1, "a")), "somebody else");
    bites(play(Message { place: Place::Direct(key(0)), ..message(0, 1, "a") }), "another place");
    bites(play(Message { own: true, ..message(0, 1, "a") }), "its own");
}

#[test]
fn rising_bites_when_a_later_word_has_an_earlier_stamp() {
    let play = |first: u8, then: u8| {
        let mut stage = Stage::new(order::Rising::default());
        stage.append(0, 1, &Message { own: true, ..message(0, first, "a") });
        stage.append(0, 2, &Message { own: true, ..message(0, then, "b") });
        stage.end()
    };
    assert_eq!(play(1, 2), Ok(()));
    bites(play(2, 1), "not above");
}

#[test]
fn agreed_bites_when_an_entry_is_not_the_same_to_all_or_stands_before_what_it_answers() {
    let mut stage = Stage::new(order::Agreed::default());
    stage.append(0, 1, &message(0, 5, "a"));
    stage.append(1, 1, &message(0, 5, "a"));
    assert_eq!(stage.told, Ok(()));
    let reply = Some(message(0, 5, "a").id);
    stage.tell(2, &Event::Message(Message { reply, ..message(1, 6, "b") }.into()));
    assert_eq!(stage.told, Ok(()));
    let mut other = stage;
    other.tell(2, &Event::Message(Message { reply, ..message(1, 4, "c") }.into()));
    bites(other.end(), "before what it answers");

    for (wrong, words) in [
        (Message { stamp: Stamp(1), ..message(0, 5, "a") }, "another idea"),
        (Message { from: key(2), ..message(0, 5, "a") }, "another idea"),
        (message(0, 5, "b"), "another idea"),
    ] {
        let mut stage = Stage::new(order::Agreed::default());
        stage.append(0, 1, &message(0, 5, "a"));
        stage.append(1, 1, &wrong);
        bites(stage.end(), words);
    }
}

#[test]
fn proven_bites_when_somebody_is_online_who_is_not() {
    let play = |change: PeerChange, ended: bool| {
        let mut stage = Stage::new(peers::Proven);
        if ended {
            stage.see(&Fact::Ended { host: 1, goodbye: false });
            stage.wait(60);
        }
        stage.tell(0, &Event::Peer(change));
        stage.end()
    };
    let online = || change(PeerState::Online, 1);
    assert_eq!(play(online(), false), Ok(()));
    bites(play(PeerChange { boot: Some(BootId(1)), ..online() }, false), "never was");
    bites(play(PeerChange { address: Some(address(2)), ..online() }, false), "where it never was");
    bites(play(online(), true), "long after its end");
}

#[test]
fn not_myself_bites_when_a_program_finds_itself() {
    let mut stage = Stage::new(peers::NotMyself);
    stage.tell(0, &Event::Peer(change(PeerState::Found, 1)));
    // A copied profile is somebody else.
    stage.tell(0, &Event::Peer(PeerChange { boot: Some(BootId(1)), ..change(PeerState::Online, 0) }));
    assert_eq!(stage.told, Ok(()));
    stage.tell(0, &Event::Peer(PeerChange { key: None, ..change(PeerState::Found, 0) }));
    bites(stage.end(), "found itself");
}

#[test]
fn gone_bites_when_somebody_found_is_listed_beyond_all_records() {
    let play = |state| {
        let mut stage = Stage::new(peers::Gone::default());
        stage.tell(0, &Event::Peer(change(PeerState::Found, 1)));
        stage.wait(5000);
        stage.see(&Fact::Ended { host: 1, goodbye: true });
        stage.tell(0, &Event::Peer(change(state, 1)));
        stage.wait(4600);
        stage.end()
    };
    assert_eq!(play(PeerState::Lost), Ok(()));
    bites(play(PeerState::Found), "have expired");
}
