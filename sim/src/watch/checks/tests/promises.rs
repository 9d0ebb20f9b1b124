//! What is promised: meeting, parting, reaching everybody, keeping.

use super::{super::*, *};

#[test]
fn meet_bites_when_two_do_not_find_each_other() {
    let mut stage = Stage::new(meet::Meet::default());
    stage.everybody_meets();
    stage.wait(300);
    assert_eq!(stage.told, Ok(()));
    let mut one_sided = Stage::new(meet::Meet::default());
    [(0, 1), (0, 2)].into_iter().for_each(|(one, other)| one_sided.meet(one, other));
    one_sided.tell(1, &Event::Peer(change(PeerState::Online, 2)));
    one_sided.wait(20);
    assert_eq!(one_sided.told, Ok(()), "there is time");
    one_sided.wait(300);
    bites(one_sided.end(), "host 2 does not list host 1");
}

#[test]
fn meet_bites_when_somebody_living_is_given_up() {
    let mut stage = Stage::new(meet::Meet::default());
    stage.everybody_meets();
    stage.wait(300);
    stage.tell(0, &Event::Peer(change(PeerState::Lost, 2)));
    stage.after(1);
    bites(stage.end(), "host 0 does not list host 2");
}

#[test]
fn meet_is_patient_with_whoever_is_disturbed_and_with_nobody_else() {
    let mut plan = plan(3, 6000);
    plan.faults.push(crate::fault::PlannedFault {
        at: crate::units::Span::from_secs(1),
        span: None,
        on: crate::fault::Target::Hosts(vec![2]),
        what: crate::fault::Fault::InterfaceDown,
    });
    let mut stage = Stage::new(meet::Meet::default());
    let mut truth = Truth::new(&plan, CHEAP);
    (0..3).for_each(|host| truth.set_key(host, key(host)));
    stage.truth = truth;
    stage.see(&Fact::Fault { number: 0, begins: true, struck: &[2] });
    (0..3).for_each(|host| stage.boot(host, &Disk::default()));
    stage.meet(0, 1);
    stage.wait(300);
    assert_eq!(stage.told, Ok(()));
    stage.tell(0, &Event::Peer(change(PeerState::Lost, 1)));
    stage.after(1);
    stage.wait(0);
    assert_eq!(stage.check.name(), "L7", "the rest is broken, and the two are not");
    bites(stage.end(), "host 0 does not list host 1");
}

#[test]
fn meet_bites_when_broadcast_does_not_stand_in_for_multicast() {
    let mut plan = plan(3, 6000);
    plan.faults.push(crate::fault::PlannedFault {
        at: crate::units::Span::from_secs(0),
        span: None,
        on: crate::fault::Target::Hosts(vec![2]),
        what: crate::fault::Fault::IgmpAgeing { after: crate::units::Span::from_secs(0) },
    });
    let mut stage = Stage::new(meet::Meet::default());
    let mut truth = Truth::new(&plan, CHEAP);
    (0..3).for_each(|host| truth.set_key(host, key(host)));
    stage.truth = truth;
    stage.see(&Fact::Fault { number: 0, begins: true, struck: &[2] });
    (0..3).for_each(|host| stage.boot(host, &Disk::default()));
    [(0, 1), (0, 2)].into_iter().for_each(|(one, other)| stage.meet(one, other));
    stage.wait(40);
    assert_eq!(stage.told, Ok(()), "there is time for the next broadcast");
    stage.wait(100);
    assert_eq!(stage.check.name(), "L5");
    bites(stage.end(), "host 1 does not list host 2");
}

#[test]
fn leave_bites_when_the_departed_stay_listed() {
    let play = |goodbye: bool, noticed_after: u64| {
        let mut stage = Stage::new(leave::Leave::default());
        stage.everybody_meets();
        stage.wait(300);
        stage.see(&Fact::Ended { host: 2, goodbye });
        stage.after(noticed_after);
        for host in 0..2 {
            let state = if goodbye { PeerState::Quit } else { PeerState::Lost };
            stage.tell(host, &Event::Peer(change(state, 2)));
        }
        stage.wait(60);
        stage.end()
    };
    assert_eq!(play(false, 6_900), Ok(()));
    bites(play(false, 7_100), "still lists host 2");
    assert_eq!(play(true, 300), Ok(()));
    bites(play(true, 400), "said goodbye");
}

#[test]
fn leave_waits_longer_for_whoever_was_not_in_session_yet() {
    let play = |direct: bool, noticed_after: u64| {
        let mut stage = Stage::new(leave::Leave::default());
        stage.everybody_meets();
        stage.wait(300);
        let online = PeerChange { direct, ..change(PeerState::Online, 2) };
        (0..2).for_each(|host| stage.tell(host, &Event::Peer(online.clone())));
        stage.after(1);
        stage.see(&Fact::Ended { host: 2, goodbye: false });
        // Sessions that break afterwards make no difference.
        stage.after(6_000);
        let suspect = PeerChange { direct: false, ..change(PeerState::Suspect, 2) };
        (0..2).for_each(|host| stage.tell(host, &Event::Peer(suspect.clone())));
        stage.after(noticed_after - 6_000);
        (0..2).for_each(|host| stage.tell(host, &Event::Peer(change(PeerState::Lost, 2))));
        stage.wait(60);
        stage.end()
    };
    assert_eq!(play(true, 6_900), Ok(()));
    bites(play(true, 7_100), "still lists host 2");
    assert_eq!(play(false, 19_900), Ok(()));
    bites(play(false, 20_100), "still lists host 2");
}

#[test]
fn leave_waits_longer_for_whoever_was_passed_on_by_somebody_who_ended_too() {
    let play = |with_relay: bool, noticed_after: u64| {
        let mut stage = Stage::new(leave::Leave::default());
        stage.everybody_meets();
        let online = PeerChange { through: Some(key(1)), ..change(PeerState::Online, 2) };
        stage.tell(0, &Event::Peer(online));
        stage.wait(300);
        stage.see(&Fact::Ended { host: 2, goodbye: false });
        if with_relay {
            stage.see(&Fact::Ended { host: 1, goodbye: false });
        }
        stage.after(6_000);
        let online = PeerChange { direct: false, ..change(PeerState::Online, 2) };
        stage.tell(0, &Event::Peer(online));
        let (who, whom) = if with_relay { (0, 1) } else { (1, 2) };
        stage.tell(who, &Event::Peer(change(PeerState::Lost, whom)));
        stage.after(noticed_after - 6_000);
        stage.wait(0);
        stage.tell(0, &Event::Peer(change(PeerState::Lost, 2)));
        stage.wait(60);
        stage.end()
    };
    assert_eq!(play(false, 6_900), Ok(()));
    bites(play(false, 7_100), "still lists host 2");
    assert_eq!(play(true, 19_900), Ok(()));
    bites(play(true, 20_100), "still lists host 2");
}

#[test]
fn reach_bites_when_somebody_is_not_shown_what_was_said() {
    let play = |shown_to: &[usize], settled: bool| {
        let mut stage = Stage::new(reach::Reach::default());
        stage.everybody_meets();
        stage.after(if settled { 300_000 } else { 1000 });
        stage.say(0, "a");
        stage.tell(0, &Event::Message(Message { own: true, ..message(0, 1, "a") }.into()));
        for &host in shown_to {
            stage.tell(host, &Event::Message(message(0, 1, "a").into()));
        }
        stage.wait(60);
        stage.end()
    };
    assert_eq!(play(&[1, 2], true), Ok(()));
    bites(play(&[1], true), "host 2 has not been shown");
    assert_eq!(play(&[1], false), Ok(()), "they may not have proven the room yet");
}

#[test]
fn reach_bites_when_a_program_swallows_what_it_was_told_to_say() {
    let mut stage = Stage::new(reach::Reach::default());
    stage.wait(1);
    stage.say(0, "a");
    stage.wait(60);
    bites(stage.end(), "says nothing of it");
}

#[test]
fn agree_bites_when_histories_stay_different() {
    let play = |stored_by: &[usize], wait: u64| {
        let mut stage = Stage::new(agree::Agree::default());
        stage.everybody_meets();
        stage.say(0, "a");
        stage.append(0, 1, &message(0, 1, "a"));
        for &host in stored_by {
            stage.append(host, 1, &message(0, 1, "a"));
        }
        stage.after(wait * 1000);
        stage.end()
    };
    assert_eq!(play(&[1, 2], 300), Ok(()));
    assert_eq!(play(&[1], 20), Ok(()), "there is time");
    bites(play(&[1], 300), "host 2 lacks");
}

#[test]
fn durable_bites_when_done_comes_early_or_something_done_is_lost() {
    let done = Event::Done { tag: 1, message: Some(message(0, 1, "a").id) };
    let mut early = Stage::new(durable::Durable::default());
    early.append(0, 1, &message(0, 1, "a"));
    early.tell(0, &done);
    bites(early.end(), "before its disk");

    let mut stage = Stage::new(durable::Durable::default());
    stage.append(0, 1, &message(0, 1, "a"));
    stage.safe(0, 1);
    stage.tell(0, &done);
    assert_eq!(stage.told, Ok(()));
    stage.see(&Fact::Ended { host: 0, goodbye: false });
    stage.boot(0, &Disk::default());
    bites(stage.end(), "has lost");

    let mut again = Stage::new(durable::Durable::default());
    again.append(0, 1, &message(0, 1, "a"));
    again.safe(0, 1);
    again.tell(0, &done);
    again.tell(0, &done);
    bites(again.end(), "a second time");
}

#[test]
fn durable_bites_when_a_receipt_counts_whom_it_must_not() {
    let play = |stored_by: u32, of: u32| {
        let mut stage = Stage::new(durable::Durable::default());
        for host in 0..2 {
            stage.append(host, 1, &message(0, 1, "a"));
            stage.safe(host, 1);
        }
        stage.append(2, 1, &message(0, 1, "a"));
        stage.tell(0, &Event::Receipt { entry: message(0, 1, "a").id.entry, stored_by, of });
        stage.end()
    };
    assert_eq!(play(1, 2), Ok(()));
    bites(play(2, 2), "and 1 have");
    bites(play(1, 0), "1 of 0");
}

#[test]
fn caps_bite_when_too_much_waits_for_a_store() {
    let play = |entries: u64| {
        let mut stage = Stage::new(memory::Caps::default());
        let text = "x".repeat(8192);
        for token in 1..=entries {
            let number = u8::try_from(token % 251).unwrap();
            stage.append(0, token, &message(1, number, &text));
        }
        stage.end()
    };
    // A mebibyte, and one window of 512 KiB.
    assert_eq!(play(192), Ok(()));
    bites(play(193), "wait for the store");
}

#[test]
fn caps_bite_when_a_table_is_fuller_than_it_may_be() {
    let play = |fill: fn(&mut Sizes)| {
        let mut stage = Stage::new(memory::Caps::default());
        let mut sizes = Sizes::default();
        fill(&mut sizes);
        stage.see(&Fact::Sizes { host: 1, sizes });
        stage.end()
    };
    assert_eq!(play(|sizes| (sizes.sessions, sizes.half_open, sizes.rooms) = (256, 64, 512)), Ok(()));
    assert_eq!(play(|sizes| (sizes.contacts, sizes.acquaintances) = (4096, 4096)), Ok(()));
    assert_eq!(play(|sizes| (sizes.mdns_records, sizes.backlog) = (32_768, 8 << 20)), Ok(()));
    bites(play(|sizes| sizes.sessions = 257), "257 sessions, 256 at most");
    bites(play(|sizes| sizes.half_open = 65), "half-open");
    bites(play(|sizes| sizes.rooms = 513), "rooms");
    bites(play(|sizes| sizes.contacts = 4097), "contacts");
    bites(play(|sizes| sizes.acquaintances = 4097), "acquaintances");
    bites(play(|sizes| sizes.mdns_records = 32_769), "records");
    bites(play(|sizes| sizes.backlog = 9 << 20), "waiting for one peer");
}

#[test]
fn beside_foes_two_may_take_twice_as_long_to_meet_and_no_longer() {
    let play = |mut stage: Stage<meet::Meet>, seconds: f64| {
        [(0, 1), (0, 2)].into_iter().for_each(|(one, other)| stage.meet(one, other));
        stage.after((seconds * 1000.0) as u64);
        stage.wait(0);
        stage.told.map_err(|_| stage.check.name())
    };
    let alone = || Stage::new(meet::Meet::default());
    let besieged = || Stage::beside_a_foe(meet::Meet::default());
    let bound = alone().truth.bounds.meet_at_first().as_secs_f64();
    assert_eq!(play(alone(), bound * 0.99), Ok(()));
    assert_eq!(play(alone(), bound * 1.01), Err("L1"));
    assert_eq!(play(besieged(), bound * 1.99), Ok(()));
    assert_eq!(play(besieged(), bound * 2.01), Err("L8"));
}

#[test]
fn what_foes_wrote_may_be_missing_and_nothing_else() {
    let play = |author: usize| {
        let mut stage = Stage::beside_a_foe(agree::Agree::default());
        stage.everybody_meets();
        stage.see(&Fact::Foe { key: key(9) });
        stage.say(0, "a");
        stage.append(0, 1, &message(author, 1, "a"));
        stage.after(600_000);
        stage.see(&Fact::Foe { key: key(9) });
        (stage.check.name(), stage.end())
    };
    assert_eq!(play(9), ("L3", Ok(())));
    let (name, told) = play(0);
    assert_eq!(name, "L8");
    bites(told, "lacks");
}
