//! Two of us and somebody else's multicast DNS share port 5353 of one host: all three see whoever is on the network, are
//! seen from there, and keep their names.
#![forbid(unsafe_code)]

use std::{collections::BTreeSet, time::Duration};

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    foreign::{Advert, Foreign, SERVICE, Stack},
    lan::Lan,
    running::Line,
    watch,
};

/// How long all keep their names. A quarrel about a name begins with the first announcements.
const SPAN: Duration = Duration::from_secs(30);
/// What the others have to say besides.
const PRINTER: &str = "_ipp._tcp";

#[test]
fn avahi() {
    share(Stack::Avahi);
}

#[test]
fn zeroconf() {
    share(Stack::Zeroconf);
}

#[test]
fn mdns_sd() {
    share(Stack::MdnsSd);
}

fn share(stack: Stack) {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there, far) = (lan.host(), lan.host(), lan.host());
    // What comes from the shared host is judged, whoever sent it.
    far.leave_out();
    let (Some(beside), Some(distant)) = (Foreign::start(stack, &here), Foreign::start(stack, &far)) else {
        return;
    };
    let printer = |name| Advert { service: PRINTER, name, port: 631, txt: &["txtvers=1"] };
    let mut printers = [beside.advertise(&printer("near")), distant.advertise(&printer("far"))];
    let begun = watch::now();
    let second = here.home().join("second").to_string_lossy().into_owned();
    let chats = [
        Chat::start(&here, Std, &["--nick", "ada"]),
        Chat::start(&here, Smol, &["--nick", "bob", "--profile", &second]),
        Chat::start(&there, Std, &["--nick", "eve"]),
    ];
    let [ada, bob, eve] = &chats;
    introduce(ada, bob);
    introduce(ada, eve);
    introduce(bob, eve);
    assert_ne!(ada.port(), bob.port());

    let browsers = [beside.browse(SERVICE), distant.browse(SERVICE)];
    let papers = [beside.browse(PRINTER), distant.browse(PRINTER)];
    let expect_all = || {
        for browser in &browsers {
            for chat in &chats {
                browser.expect_seen(&chat.instance(), |seen| seen.port == chat.port());
            }
        }
        for browser in &papers {
            for name in ["near", "far"] {
                browser.expect_seen(name, |seen| seen.port == 631);
            }
        }
    };
    expect_all();
    std::thread::sleep(SPAN.saturating_sub(watch::now() - begun));
    // A newcomer is found by all, even now.
    let late = Chat::start(&there, Smol, &["--nick", "mia", "--ephemeral"]);
    for chat in [ada, bob] {
        introduce(chat, &late);
    }
    for browser in &browsers {
        browser.expect_seen(&late.instance(), |seen| seen.port == late.port());
    }

    let names: BTreeSet<String> = chats.iter().chain([&late]).map(Chat::instance).collect();
    for browser in &browsers {
        assert_eq!(browser.names(), names, "{browser}");
        assert!(names.iter().all(|name| browser.has_kept(name)), "{browser}");
    }
    for browser in &papers {
        assert!(browser.names().iter().eq(["far", "near"]), "{browser}");
        assert!(["near", "far"].iter().all(|name| browser.has_kept(name)), "{browser}");
    }
    for foreign in [&beside, &distant] {
        assert!(!foreign.log().contains("conflict"), "{}", foreign.log());
    }
    for chat in &chats {
        chat.expect_none("end of anybody", Duration::ZERO, |line: &Line| line.json["state"] == "gone");
        chat.expect_none("error", Duration::ZERO, |line: &Line| line.is_of("error"));
    }
    assert!(printers.iter_mut().all(|printer| printer.is_alive()));
}
