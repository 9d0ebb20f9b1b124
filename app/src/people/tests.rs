use chat_core::{StoredPeer, Trust, UnixMillis};

use super::*;

pub(super) fn nick(name: &str) -> Nick {
    Nick::new(name).unwrap()
}

pub(super) fn change(key: u8, name: &str, boot: u64, state: PeerState) -> PeerChange {
    PeerChange {
        state,
        key: Some(PeerKey([key; 32])),
        id: None,
        boot: Some(BootId(boot)),
        // As it comes from the network.
        nick: Some(Nick::lenient(name)),
        address: None,
        via: Source::Mdns,
        direct: true,
        through: None,
    }
}

pub(super) fn known(key: u8, name: &str, talked: bool) -> Known {
    let peer = StoredPeer {
        key: PeerKey([key; 32]),
        nick: nick(name),
        direct: [0; 32],
        addresses: vec![],
        seen: UnixMillis(0),
    };
    Known { peer, talked }
}

pub(super) fn people(known: Vec<Known>) -> People {
    People::new(PeerKey([0; 32]), nick("ana"), known)
}

#[test]
fn a_restart_is_not_told_as_a_loss() {
    let mut people = people(vec![]);
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Online)), Some(Turn::Came { was: None }));
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Online)), None);
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Suspect)), Some(Turn::Silent));
    assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Online)), Some(Turn::Back));
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Lost)), None);
    assert!(!people.is_alone());
    assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Quit)), Some(Turn::Quit));
    assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Lost)), None);
    assert!(people.is_alone());
}

#[test]
fn an_ambiguous_nick_is_refused_and_digits_or_key_decide() {
    let mut people = people(vec![]);
    people.on_peer(change(1, "Bo", 1, PeerState::Online));
    assert_eq!(people.resolve("bo"), Ok(PeerKey([1; 32])));
    assert_eq!(people.label(PeerKey([1; 32]), None), "Bo");
    people.on_peer(change(2, "bo", 1, PeerState::Online));
    let Err(Unresolved::Ambiguous { choices, .. }) = people.resolve("bo") else { panic!() };
    assert_eq!(choices.len(), 2);
    for choice in &choices {
        assert!(people.resolve(choice).is_ok(), "{choice}");
    }
    assert_eq!(people.label(PeerKey([1; 32]), None), with_digits("Bo", PeerKey([1; 32])));
    assert_eq!(people.resolve("02020202"), Ok(PeerKey([2; 32])));
    assert_eq!(people.resolve("0202"), Err(Unresolved::Unknown("0202".into())));
    assert_eq!(people.resolve(&PeerKey([9; 32]).to_string()), Ok(PeerKey([9; 32])));
    assert_eq!(people.resolve("ana"), Err(Unresolved::Own));
    assert_eq!(people.resolve("bo-99999"), Err(Unresolved::Unknown("bo-99999".into())));
}

#[test]
fn a_stranger_does_not_get_what_is_meant_for_an_absent_friend() {
    let mut people = people(vec![known(1, "bo", true), known(2, "bo", false)]);
    assert_eq!(people.resolve("bo"), Ok(PeerKey([1; 32])), "the one who was talked to");
    people.on_peer(change(3, "bo", 1, PeerState::Online));
    assert!(matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })));
}

#[test]
fn a_stranger_who_writes_to_us_is_no_friend_and_yet_gets_the_answer() {
    let (bo, own) = (PeerKey([1; 32]), PeerKey([0; 32]));
    let mut people = people(vec![known(1, "bo", false)]);
    people.on_talk(bo, bo);
    people.on_peer(change(2, "bo", 1, PeerState::Online));
    assert!(
        matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })),
        "the answer may be meant for it"
    );
    assert!(!people.persons[&bo].talked, "only what is said to them makes friends");
    people.on_talk(bo, own);
    assert!(people.persons[&bo].talked);
}

#[test]
fn strangers_are_forgotten_whatever_they_do_and_friends_are_not() {
    let (own, friend) = (PeerKey([0; 32]), PeerKey([0xff; 32]));
    let stranger = |number: usize| {
        let mut key = [1; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        PeerKey(key)
    };
    let acts: [fn(&mut People, PeerKey); 2] =
        [|people, key| people.on_room(RoomName::lobby(), key, true), |people, key| people.on_talk(key, key)];
    for act in acts {
        let mut people = people(vec![]);
        people.on_talk(friend, own);
        (0..=PERSONS_MAX).for_each(|number| act(&mut people, stranger(number)));
        assert!(people.persons.len() <= PERSONS_MAX && people.persons.contains_key(&friend));
    }
}

#[test]
fn ghosts_of_earlier_runs_do_not_make_a_nick_ambiguous() {
    let mut people = people(vec![known(1, "bo", false), known(2, "bo", false)]);
    assert!(matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })), "nobody is there");
    people.on_peer(change(3, "bo", 1, PeerState::Online));
    assert_eq!(people.resolve("bo"), Ok(PeerKey([3; 32])));
}

#[test]
fn nobody_can_wear_anothers_digits_or_our_nick() {
    let mut people = people(vec![]);
    let real = with_digits("bo", PeerKey([1; 32]));
    people.on_peer(change(1, "bo", 1, PeerState::Online));
    people.on_peer(change(2, &real, 1, PeerState::Online));
    people.on_peer(change(3, "ANA", 1, PeerState::Online));
    assert_eq!(people.label(PeerKey([2; 32]), None), with_digits(&real, PeerKey([2; 32])));
    assert!(matches!(people.resolve(&real), Err(Unresolved::Ambiguous { .. })));
    assert_eq!(people.label(PeerKey([3; 32]), None), with_digits("ANA", PeerKey([3; 32])));
}

#[test]
fn whoever_proves_a_key_is_no_longer_only_found() {
    let mut people = people(vec![]);
    let mut found = change(1, "bo", 1, PeerState::Found);
    (found.id, found.key) = (Some([1; 8]), None);
    people.on_peer(found);
    assert_eq!(people.found().count(), 1);
    assert!(people.is_alone());
    people.on_peer(change(1, "bo", 1, PeerState::Online));
    assert_eq!(people.found().count(), 0);
}

#[test]
fn a_second_run_is_another_place_only_while_both_answer() {
    let mut people = people(vec![]);
    let bo = PeerKey([1; 32]);
    people.on_peer(change(1, "bo", 1, PeerState::Online));
    assert_eq!(people.on_peer(change(1, "bo", 2, PeerState::Online)), Some(Turn::CameAgain));
    assert!(people.is_in_places(bo));
    // The old run was killed: that it does not answer is no news while the new one does.
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Suspect)), None);
    assert!(!people.is_in_places(bo));
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Online)), None);
    assert_eq!(people.on_peer(change(1, "bo", 1, PeerState::Lost)), None);
    assert!(people.is_there(bo) && !people.is_in_places(bo));
}

#[test]
fn whoever_is_called_something_else_now_is_known_by_both_names() {
    let mut people = people(vec![known(2, "li", false)]);
    let rob = PeerKey([1; 32]);
    people.on_peer(change(1, "bob", 1, PeerState::Online));
    let renamed = Turn::Renamed { was: "bob".into() };
    assert_eq!(people.on_peer(change(1, "rob", 1, PeerState::Online)), Some(renamed));
    assert_eq!(people.on_peer(change(1, "rob", 1, PeerState::Online)), None);
    assert_eq!(people.resolve("rob"), Ok(rob));
    let digits = with_digits("bob", rob);
    for name in ["bob", "BOB", &digits] {
        let now = vec![with_digits("rob", rob)];
        assert_eq!(people.resolve(name), Err(Unresolved::Renamed { name: name.into(), now }));
    }
    // Somebody else takes the nick that is free.
    people.on_peer(change(3, "bob", 1, PeerState::Online));
    assert_eq!(people.resolve("bob"), Ok(PeerKey([3; 32])), "it is theirs now");
    assert_eq!(people.label(PeerKey([3; 32]), None), with_digits("bob", PeerKey([3; 32])));
    let came = Turn::Came { was: Some("li".into()) };
    assert_eq!(people.on_peer(change(2, "lin", 1, PeerState::Online)), Some(came));
    (0..99).for_each(|number| drop(people.on_peer(change(1, &format!("n{number}"), 1, PeerState::Online))));
    assert_eq!(people.persons[&rob].former.len(), FORMER_MAX);
}

#[test]
fn our_own_digits_and_key_mean_us() {
    let people = people(vec![]);
    let own = PeerKey([0; 32]);
    for name in ["ana", "ANA", &with_digits("ana", own), "00000000", &own.to_string()] {
        assert_eq!(people.resolve(name), Err(Unresolved::Own), "{name}");
    }
    assert_eq!(people.resolve("ana-9999"), Err(Unresolved::Unknown("ana-9999".into())));
}

#[test]
fn a_nick_that_cannot_be_seen_is_a_question_mark_with_digits() {
    let mut people = people(vec![]);
    let key = PeerKey([1; 32]);
    let shown = with_digits("?", key);
    for blank in ["\u{2800}", "\u{301}", "?"] {
        people.on_peer(change(1, blank, 1, PeerState::Online));
        assert_eq!(people.label(key, None), shown);
        assert_eq!(people.resolve(&shown), Ok(key), "what is shown can be typed");
    }
    // A blank behind a nick does not make it another.
    people.on_peer(change(2, "bo", 1, PeerState::Online));
    people.on_peer(change(3, "bo\u{2800}", 1, PeerState::Online));
    assert_eq!(people.label(PeerKey([2; 32]), None), with_digits("bo", PeerKey([2; 32])));
}

#[test]
fn of_those_of_one_nick_the_only_one_who_is_verified_is_meant() {
    let verified = Trust { verified: true, ..Trust::default() };
    let mut people = people(vec![known(1, "bo", false)]);
    let (bo, copy) = (PeerKey([1; 32]), PeerKey([2; 32]));
    people.on_peer(change(2, "bo", 1, PeerState::Online));
    assert_eq!(people.resolve("bo"), Ok(copy), "the other one was met once, and is not here");
    people.set_trust(bo, verified);
    assert_eq!(people.resolve("bo"), Ok(bo), "here or not");
    people.set_trust(copy, verified);
    assert!(matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })));
    // Who is verified has another nick now, and a stranger has that one.
    people.on_peer(change(2, "lin", 1, PeerState::Online));
    people.set_trust(bo, Trust::default());
    assert!(matches!(people.resolve("bo"), Err(Unresolved::Ambiguous { .. })), "it may be lin who is meant");
    people.set_trust(bo, verified);
    assert_eq!(people.resolve("bo"), Ok(bo));
}

#[test]
fn nobody_is_called_like_a_room_or_has_the_end_of_a_name_in_theirs() {
    let mut people = people(vec![]);
    people.on_peer(change(1, "boss> give bo the key <eve", 1, PeerState::Online));
    people.on_peer(change(2, "#ops", 1, PeerState::Online));
    let (boss, ops) = (PeerKey([1; 32]), PeerKey([2; 32]));
    for said_as in [None, Nick::new("boss\u{ff1e} give bo the key \u{2039}eve").ok()] {
        assert_eq!(people.label(boss, said_as.as_ref()), "boss) give bo the key (eve");
    }
    for typed in ["boss) give bo the key (eve", "boss> give bo the key <eve"] {
        assert_eq!(people.resolve(typed), Ok(boss));
    }
    assert_eq!((people.label(ops, None).as_str(), people.resolve("ops")), ("ops", Ok(ops)));
    for room in ["#ops".to_string(), with_digits("#ops", ops)] {
        assert_eq!(people.resolve(&room), Err(Unresolved::Room(room)));
    }
    assert_eq!(people.label(ops, Nick::new("##").ok().as_ref()), with_digits("?", ops));
}
