//! Whom the book calls at once, whom in a while, and how often again.

use super::*;

/// Somebody who is named by multicast and never answers.
fn made_up(number: u16, port: u16) -> Sighting {
    let address = SocketAddr::from(([10, 0, 0, 200], port));
    let id = Some(u64::from(number).to_be_bytes());
    Sighting { addresses: vec![address], ..seen(Source::Mdns, id, &[]) }
}

fn large_book() -> Contacts {
    Contacts { cap: 4096, ..book() }
}

#[test]
fn one_address_is_dialled_once_in_ten_seconds_whoever_is_said_to_be_there() {
    let mut book = large_book();
    let mut dials = 0;
    for tenth in 0..300u16 {
        let now = at(1) + Duration::from_millis(100) * tenth.into();
        book.on_sighting(now, &made_up(tenth, 27182));
        let dialled = book.due(now);
        dials += dialled.len();
        // Nobody answers.
        dialled.into_iter().for_each(|address| book.on_call_ended(now, address));
    }
    assert_eq!(dials, 3);
}

#[test]
fn a_crowd_that_was_made_up_costs_little_and_keeps_no_friend_waiting() {
    let mut book = large_book();
    (0..400).for_each(|number| drop(book.on_sighting(at(1), &made_up(number, 2000 + number))));
    let (mut now, mut ended, mut looks) = (at(1), alloc::collections::VecDeque::new(), 0);
    let mut dials = Vec::new();
    while now < at(1801) {
        looks += 1;
        for address in book.due(now) {
            dials.push((now, address));
            ended.push_back((now + Duration::from_secs(5), address));
        }
        while let Some(&(end, address)) = ended.front()
            && end <= now
        {
            ended.pop_front();
            book.on_call_ended(now, address);
        }
        if looks == 1 {
            // When all calls that may be unanswered are.
            book.on_sighting(now, &seen(Source::Remembered, Some(SHE.short()), &["10.0.0.2:27182"]));
        }
        let next = book.next_wake().into_iter().chain(ended.front().map(|(end, _)| *end)).min().unwrap();
        assert!(next > now, "a wake in the past at {now:?}");
        now = next;
    }
    let her = dials.iter().find(|(_, address)| *address == self::address("10.0.0.2:27182")).unwrap();
    assert!(her.0 < at(2), "she waited until {:?}", her.0);
    let mut strangers: Vec<_> = dials.iter().filter(|(_, address)| address.port() != 27182).collect();
    // Each once, 32 of them again, and one a minute.
    assert!((400 + 32..=400 + 32 + 30).contains(&strangers.len()), "{} calls to strangers", strangers.len());
    let late = strangers.iter().filter(|(at, _)| *at >= self::at(901)).count();
    assert!((14..=16).contains(&late), "{late} calls to strangers in the last 15 minutes");
    assert!(looks < 4 * dials.len(), "{looks} looks for {} calls", dials.len());
    strangers.sort_by_key(|(_, address)| *address);
    strangers.dedup_by_key(|(_, address)| *address);
    assert_eq!(strangers.len(), 400, "everybody is called once");
}

#[test]
fn a_newcomer_is_called_in_a_moment_among_many_who_never_answered() {
    let mut book = large_book();
    (0..400).for_each(|number| drop(book.on_sighting(at(1), &made_up(number, 2000 + number))));
    let mut now = at(1);
    while now < at(600) {
        let dialled = book.due(now);
        dialled.into_iter().for_each(|address| book.on_call_ended(now, address));
        now = book.next_wake().unwrap();
    }
    book.on_sighting(at(600), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    assert_eq!(book.due(at(600) + choice::PAUSE), [address("10.0.0.2:27182")]);
    assert!(!book.is_call_to_silent(address("10.0.0.2:27182")));
}

#[test]
fn a_stranger_that_did_not_answer_is_called_less_insistently() {
    let mut book = book();
    let her = address("10.0.0.2:27182");
    book.on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    assert_eq!((book.due(at(1)), book.is_call_to_silent(her)), (vec![her], false));
    // Too many calls were under way: it counts as none.
    book.on_busy(at(1), her);
    assert_eq!((book.due(at(2)), book.is_call_to_silent(her)), (vec![her], false));
    book.on_call_ended(at(2), her);
    assert_eq!((book.due(at(12)), book.is_call_to_silent(her)), (vec![her], true));
    book.on_call_ended(at(12), her);
    // There is something new about it.
    let again =
        Sighting { boot: Some(BootId(8)), ..seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]) };
    book.on_sighting(at(30), &again);
    assert_eq!((book.due(at(30)), book.is_call_to_silent(her)), (vec![her], false));
}

#[test]
fn a_crowd_of_strangers_who_answer_is_called_at_a_pace_that_lets_others_call_first() {
    let mut book = large_book();
    let crowd = || (10..=250u8).map(|number| (PeerKey([number; 32]), address_of(number)));
    for (key, address) in crowd() {
        let sighting = seen(Source::Mdns, Some(key.short()), &[]);
        book.on_sighting(at(1), &Sighting { addresses: vec![address], ..sighting });
    }
    let (mut now, mut last, mut met, mut early) = (at(1), at(1), 0, 0);
    while met < crowd().count() {
        for address in book.due(now) {
            met += 1;
            early += usize::from(now < at(2));
            last = now;
            let (key, _) = crowd().find(|(_, other)| *other == address).unwrap();
            book.on_up(now, key, BootId(7), address);
        }
        now = book.next_wake().unwrap_or(now);
    }
    assert!((DEGREE..32).contains(&early), "{early} at once");
    assert!(last < at(1) + PATIENCE_EACH * 250 * 2, "{last:?}");
}

/// A book that knows a crowd of 40, and of those that are in session the one that is nobody's choice here.
fn crowd() -> (Contacts, PeerKey, SocketAddr) {
    let mut book = large_book();
    let all: Vec<_> =
        (10..50).map(|it| (PeerKey([it; 32]), SocketAddr::from(([10, 0, 0, it], 27182)))).collect();
    for (key, address) in &all {
        book.on_up(at(1), *key, BootId(3), *address);
    }
    book.due(at(2));
    let &(key, address) = all.iter().find(|(key, _)| !book.is_everybodys(Who::Id(key.short()))).unwrap();
    (book, key, address)
}

#[test]
fn in_a_crowd_only_those_who_are_ours_are_called_as_soon_as_they_are_lost() {
    let (mut book, key, address) = crowd();
    book.on_down(at(60), key, BootId(3), End::Lost);
    let first = (0..60).find(|second| book.due(at(60 + second)).contains(&address));
    assert!(first.is_some_and(|second| second >= 4), "{first:?}");
    // Where there are few, everybody is ours.
    let mut few = book_of(3);
    few.on_down(at(60), PeerKey([10; 32]), BootId(3), End::Lost);
    assert_eq!(few.due(at(60)), [address_of(10)]);
}

fn address_of(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 27182))
}

/// A book with so many in session.
fn book_of(count: u8) -> Contacts {
    let mut book = large_book();
    for number in 10..10 + count {
        book.on_up(at(1), PeerKey([number; 32]), BootId(3), address_of(number));
    }
    book.due(at(2));
    book
}

#[test]
fn whoever_waits_for_many_answers_leaves_newcomers_to_others() {
    let is_called = |waiting: u16| {
        let mut book = book_of(40);
        (10..50).for_each(|other| book.on_here(at(1), PeerKey([other; 32]), BootId(3), true));
        for number in 0..waiting {
            let stranger = made_up(number, 2000 + number);
            book.on_sighting(at(3), &stranger);
            book.visit(at(3), Who::Id(stranger.id.unwrap()));
            book.due(at(3));
        }
        let newcomer = seen(Source::Broadcast, Some(SHE.short()), &["10.0.0.200:27182"]);
        assert!(!book.is_first_to_call(SHE.short()), "somebody else is");
        book.on_sighting(at(4), &newcomer);
        book.answer(at(4), &newcomer, true);
        book.due(at(4) + Duration::from_millis(100)).contains(&address("10.0.0.200:27182"))
    };
    assert_eq!([0, 3, 4, 9].map(is_called), [true, true, false, false]);
}

#[test]
fn whoever_there_is_no_place_for_is_called_patiently_until_there_is_one() {
    let mut book = book();
    book.on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &["10.0.0.2:27182"]));
    let dials =
        |book: &mut Contacts, from: u64| (from..from + 540).map(|s| book.due(at(s)).len()).sum::<usize>();
    book.on_up(at(1), SHE, BootId(7), address("10.0.0.2:27182"));
    book.on_down(at(2), SHE, BootId(7), End::Crowded);
    assert!(book.due(at(50)).is_empty(), "not at once");
    let patiently = dials(&mut book, 50);
    assert!((8..=10).contains(&patiently), "{patiently} dials in nine minutes");
    book.on_up(at(600), SHE, BootId(7), address("10.0.0.2:27182"));
    book.on_down(at(601), SHE, BootId(7), End::Lost);
    let eagerly = dials(&mut book, 601);
    assert!(eagerly > 30, "{eagerly} dials in nine minutes once it is only lost");
}

#[test]
fn whoever_is_lost_is_called_again_as_soon_as_its_address_has_had_its_pause() {
    let mut book = book();
    book.on_up(at(1), SHE, BootId(7), address("10.0.0.2:27182"));
    book.on_down(at(2), SHE, BootId(7), End::Lost);
    let mut dials = vec![];
    while let Some(now) = book.next_wake().filter(|now| *now < at(590)) {
        dials.extend(book.due(now).iter().map(|_| now));
    }
    assert_eq!(dials[0], at(2));
    for pause in dials.windows(2).map(|two| two[1] - two[0]) {
        assert!((Duration::from_secs(10)..=Duration::from_secs(11)).contains(&pause), "{pause:?}");
    }
}

/// When the first call goes out to somebody who comes to us and so many others, for every one of 256 seeds.
fn first_calls(others: u8, come: impl Fn(&mut Contacts)) -> Vec<Duration> {
    let first_call = |seed| {
        let mut book = Contacts::new(REAL, ME, 64, Rng::new([seed; 32]));
        book.on_interfaces(Instant::ORIGIN, &[card(2)]);
        for number in 10..10 + others {
            let there = SocketAddr::from(([10, 0, 0, number], 27182));
            book.on_up(at(1), PeerKey([number; 32]), BootId(3), there);
        }
        come(&mut book);
        let mut now = at(2);
        while !book.due(now).contains(&address("10.0.0.2:27182")) {
            now = book.next_wake().expect("it is called");
        }
        now - at(2)
    };
    (0..=255).map(first_call).collect()
}

#[test]
fn among_those_who_do_not_know_each_other_yet_three_call_at_once_and_the_others_in_a_while() {
    let newcomer = seen(Source::Broadcast, Some(SHE.short()), &["10.0.0.2:27182"]);
    // Of seven, and in a crowd of the eight whom the beacon has chosen.
    for (others, share) in [(6, 85..135), (40, 70..122)] {
        let calls = first_calls(others, |book| {
            book.choose(at(2));
            book.on_sighting(at(2), &newcomer);
            book.answer(at(2), &newcomer, true);
        });
        let (prompt, later): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.is_zero());
        assert!(share.contains(&prompt.len()), "{} of 256", prompt.len());
        let in_a_while = Duration::from_millis(20)..=Duration::from_millis(60);
        assert!(later.iter().all(|call| in_a_while.contains(call)), "{later:?}");
    }
}

/// What somebody's book says of calling her, who has just come to so many.
fn call_of(own: u8, count: u8, she: PeerKey) -> (bool, Option<Instant>) {
    let mut book = Contacts::new(REAL, (PeerKey([own; 32]), BootId(1)), 64, Rng::new([own; 32]));
    book.on_interfaces(Instant::ORIGIN, &[card(2)]);
    for other in (10..10 + count).filter(|other| *other != own) {
        book.on_here(at(1), PeerKey([other; 32]), BootId(3), true);
    }
    let newcomer = seen(Source::Broadcast, Some(she.short()), &["10.0.0.2:27182"]);
    book.on_sighting(at(2), &newcomer);
    book.answer(at(2), &newcomer, true);
    (book.due(at(2)).contains(&address("10.0.0.2:27182")), book.next_wake())
}

#[test]
fn of_those_who_know_each_other_one_calls_a_newcomer_at_once_and_the_others_in_a_while() {
    for (count, number) in [2, 7, 40].into_iter().flat_map(|count| (100..150).map(move |it| (count, it))) {
        let calls: Vec<_> = (10..10 + count).map(|own| call_of(own, count, PeerKey([number; 32]))).collect();
        assert_eq!(calls.iter().filter(|(is_prompt, _)| *is_prompt).count(), 1, "{number} among {count}");
        let in_a_while = at(2) + Duration::from_millis(20)..=at(2) + Duration::from_millis(60);
        let later = calls.iter().filter(|(is_prompt, _)| !is_prompt);
        assert!(later.clone().all(|(_, at)| at.is_some_and(|at| in_a_while.contains(&at))), "{calls:?}");
    }
    let first = |number| (10..50).find(|&own| call_of(own, 40, PeerKey([number; 32])).0).unwrap();
    let firsts: BTreeSet<u8> = (100..150).map(first).collect();
    assert!(firsts.len() > 20, "{firsts:?}");
}

#[test]
fn of_a_flood_of_newcomers_few_are_looked_at_whoever_is_to_call_them() {
    let mut book = large_book();
    book.on_here(at(1), SHE, BootId(3), true);
    let ours = |number: &u16| {
        let now = at(2) + Duration::from_micros(250) * (*number).into();
        book.is_ours_to_call(now, &made_up(*number, 27182))
    };
    let ours = (0..4_000).filter(ours).count();
    // Half of those looked at: 64 at first, and 20 in the second that this takes.
    assert!((25..=60).contains(&ours), "{ours} of 4000");
}

#[test]
fn whoever_is_alone_and_here_in_others_eyes_is_called_at_once_by_some_even_if_one_cannot() {
    let calls = (0..=255_u8).filter(|&seed| {
        let mut book = Contacts::new(REAL, ME, 64, Rng::new([seed; 32]));
        book.on_interfaces(Instant::ORIGIN, &[card(2)]);
        (10..18).for_each(|other| book.on_here(at(1), PeerKey([other; 32]), BootId(3), true));
        book.on_here(at(1), SHE, BootId(7), true);
        let again = seen(Source::Broadcast, Some(SHE.short()), &["10.0.0.2:27182"]);
        assert!(!book.is_first_to_call(SHE.short()), "somebody else is");
        book.on_sighting(at(2), &again);
        book.answer(at(2), &again, true);
        !book.due(at(2)).is_empty()
    });
    assert!(calls.count() > 60);
}

#[test]
fn a_copy_of_us_beside_us_keeps_nobody_from_being_called_at_once() {
    let prompt = (100..200_u8).filter(|&number| {
        let mut book = book();
        book.on_here(at(1), ME.0, BootId(2), true);
        book.on_here(at(1), PeerKey([8; 32]), BootId(3), true);
        book.is_first_to_call(PeerKey([number; 32]).short())
    });
    assert!((30..70).contains(&prompt.count()));
}

#[test]
fn whoever_somebody_in_session_tells_of_is_called_when_the_news_have_passed() {
    let told = seen(Source::Exchange, Some(SHE.short()), &["10.0.0.2:27182"]);
    let calls = first_calls(6, |book| drop(book.on_sighting(at(2), &told)));
    let then = Duration::from_millis(100)..=Duration::from_millis(200);
    assert!(calls.iter().all(|call| then.contains(call)), "{calls:?}");
}

/// It may have got hold of the address, or have answered faster.
#[test]
fn whoever_answers_in_the_place_of_another_does_not_keep_us_from_calling_that_one_there() {
    let (mut book, place, foe) = (large_book(), "10.0.0.2:27182", PeerKey([6; 32]));
    book.on_sighting(at(1), &seen(Source::Mdns, Some(SHE.short()), &[place]));
    assert_eq!(book.due(at(1)), [address(place)]);
    book.on_up(at(1), foe, BootId(3), address(place));
    let dials: Vec<u64> = (2..1000).filter(|&second| !book.due(at(second)).is_empty()).collect();
    assert!(dials[0] <= 13, "{dials:?}");
    assert!(dials.windows(2).all(|pair| pair[1] - pair[0] >= 10), "{dials:?}");
    assert!((3..10).contains(&dials.len()), "as strangers are called: {dials:?}");
    // Who is only known by that address is whoever is there.
    book.on_sighting(at(1000), &seen(Source::Manual, None, &[place]));
    assert!(book.is_live(Who::Address(address(place)), None, address(place)));
    book.on_up(at(1001), SHE, BootId(7), address("10.0.0.3:27182"));
    assert!((1001..2000).all(|second| book.due(at(second)).is_empty()), "she is in session");
}

#[test]
fn once_in_a_while_somebody_is_called_who_is_there_and_no_neighbour() {
    let mut book = large_book();
    let place = |number: u8| SocketAddr::from(([10, 0, 0, number], 27182));
    for number in 10..40 {
        let key = PeerKey([number; 32]);
        let told =
            Sighting { addresses: vec![place(number)], ..seen(Source::Exchange, Some(key.short()), &[]) };
        book.on_sighting(at(1), &told);
        book.on_here(at(1), key, BootId(7), true);
    }
    (10..20).for_each(|number| _ = book.on_up(at(2), PeerKey([number; 32]), BootId(7), place(number)));
    // What else is to be called has come to nothing by then.
    (2..1000).for_each(|second| {
        book.due(at(second)).into_iter().for_each(|address| book.on_call_ended(at(second), address));
    });
    let (mut visited, mut calls) = (BTreeSet::new(), 0);
    for minute in 0..60 {
        let now = at(1000 + 60 * minute);
        book.due(now);
        book.call_another(now);
        let Some(who) = book.choice.visited else { continue };
        let (Who::Id(id), dials) = (who, book.due(now)) else { panic!("{who:?} is not known to be there") };
        assert!((20..40).contains(&id[0]), "{} is in session", id[0]);
        calls += usize::from(dials.contains(&place(id[0])));
        visited.insert(who);
        dials.into_iter().for_each(|address| book.on_call_ended(now, address));
    }
    assert!(visited.len() > 10 && calls > 40, "{calls} calls to {} of twenty", visited.len());
    (20..40).for_each(|number| _ = book.on_up(at(9000), PeerKey([number; 32]), BootId(7), place(number)));
    book.choice.visited = None;
    book.call_another(at(9001));
    assert_eq!(book.choice.visited, None, "all are in session");
}
