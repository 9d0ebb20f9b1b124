//! What leaves a host.

use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE,
    rdata::{PTR, RData, SRV},
};

use super::{super::*, *};

const GROUP: &str = "224.0.0.251:5353";

fn group() -> SocketAddr {
    GROUP.parse().unwrap()
}

fn ptr() -> ResourceRecord<'static> {
    let to = RData::PTR(PTR(Name::new_unchecked("one._p2p-chat._udp.local")));
    ResourceRecord::new(Name::new_unchecked("_p2p-chat._udp.local"), CLASS::IN, 4500, to)
}

fn srv() -> ResourceRecord<'static> {
    let target = Name::new_unchecked("one.local");
    let to = RData::SRV(SRV { priority: 0, weight: 0, port: 27_182, target });
    ResourceRecord::new(Name::new_unchecked("one._p2p-chat._udp.local"), CLASS::IN, 120, to)
}

fn response(answers: Vec<ResourceRecord<'static>>) -> Vec<u8> {
    let mut packet = Packet::new_reply(0);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.answers = answers;
    packet.build_bytes_vec().unwrap()
}

fn query(claims: bool) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    let name = Name::new_unchecked("_p2p-chat._udp.local");
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::PTR), QCLASS::CLASS(CLASS::IN), false));
    packet.name_servers = if claims { vec![srv()] } else { Vec::new() };
    packet.build_bytes_vec().unwrap()
}

fn heard(bytes: Vec<u8>) -> Flight {
    Flight { to: group(), many: true, bytes: bytes.into(), ..flight(1, 0, 0) }
}

#[test]
fn names_bite_when_two_announce_one() {
    let mut stage = Stage::new(names::Names::default());
    stage.wait(10);
    stage.send(0, Via::Mdns, group(), &response(vec![srv()]), None);
    // Whoever takes it back may leave it to another.
    stage.send(0, Via::Mdns, group(), &response(vec![ResourceRecord { ttl: 0, ..srv() }]), None);
    stage.send(1, Via::Mdns, group(), &response(vec![srv()]), None);
    assert_eq!(stage.told, Ok(()));
    stage.send(0, Via::Mdns, group(), &response(vec![srv()]), None);
    bites(stage.end(), "both announce");
}

#[test]
fn politeness_bites_at_every_haste() {
    let play = |acts: &dyn Fn(&mut Stage<mdns::Polite>)| {
        let mut stage = Stage::new(mdns::Polite::default());
        stage.send(0, Via::Mdns, group(), &query(false), None);
        acts(&mut stage);
        stage.end()
    };
    let announce = response(vec![ptr(), srv()]);
    let twice = |gap: u64, after_probe: bool| {
        play(&|stage| {
            if after_probe {
                let probe = heard(query(true));
                stage.see(&Fact::Received { host: 0, flight: &probe, intact: true });
            }
            stage.send(0, Via::Mdns, group(), &announce, None);
            stage.after(gap);
            stage.send(0, Via::Mdns, group(), &announce, None);
        })
    };
    assert_eq!(twice(1000, false), Ok(()));
    bites(twice(999, false), "again within");
    assert_eq!(twice(250, true), Ok(()));
    bites(twice(249, true), "again within");

    let probes = |gap: u64| {
        play(&|stage| {
            stage.send(0, Via::Mdns, group(), &query(true), None);
            stage.after(gap);
            stage.send(0, Via::Mdns, group(), &query(true), None);
        })
    };
    assert_eq!(probes(250), Ok(()));
    bites(probes(249), "probes for");

    let answers = |wait: u64| {
        play(&|stage| {
            let question = heard(query(false));
            stage.see(&Fact::Received { host: 0, flight: &question, intact: true });
            stage.after(wait);
            stage.send(0, Via::Mdns, group(), &response(vec![ptr()]), None);
        })
    };
    assert_eq!(answers(20), Ok(()));
    bites(answers(19), "at once");
}

#[test]
fn amplification_bites_above_three_times_until_the_address_is_proven() {
    let play = |sent: usize, proven: bool| {
        let mut stage = Stage::new(traffic::Amplification::default());
        if proven {
            let (out, back) = (flight(0, 1, 100), flight(1, 0, 0));
            stage.see(&Fact::Received { host: 1, flight: &out, intact: true });
            stage.see(&Fact::Received { host: 0, flight: &back, intact: true });
        }
        let asked = flight(1, 0, 100);
        stage.see(&Fact::Received { host: 0, flight: &asked, intact: true });
        stage.send(0, Via::Chat, address(1), &vec![0; sent], Some(&asked));
        stage.end()
    };
    assert_eq!(play(300, false), Ok(()));
    bites(play(301, false), "proven nothing");
    assert_eq!(play(1200, true), Ok(()));
}

#[test]
fn a_forged_sender_proves_nothing() {
    let mut stage = Stage::new(traffic::Amplification::default());
    let out = flight(0, 1, 100);
    stage.see(&Fact::Received { host: 1, flight: &out, intact: true });
    // Host 2 claims to be at host 1's address.
    let forged = Flight { sender: 2, ..flight(1, 0, 100) };
    stage.see(&Fact::Received { host: 0, flight: &forged, intact: true });
    stage.send(0, Via::Chat, address(1), &[0; 301], Some(&forged));
    bites(stage.end(), "proven nothing");
}

#[test]
fn unicast_answers_bite_off_the_link_and_above_their_budget() {
    let play = |to: &str, times: usize| {
        let mut stage = Stage::new(traffic::Amplification::default());
        for _ in 0..times {
            stage.send(0, Via::Mdns, to.parse().unwrap(), &response(vec![ptr()]), None);
        }
        stage.end()
    };
    assert_eq!(play("10.0.0.2:5353", 7), Ok(()));
    bites(play("10.0.0.2:5353", 8), "budget");
    bites(play("192.0.2.1:5353", 1), "not on its link");
}

#[test]
fn shape_bites_at_what_is_too_large_or_cannot_be_read() {
    let play = |via, to: SocketAddr, bytes: &[u8]| {
        let mut stage = Stage::new(traffic::Shape);
        stage.send(0, via, to, bytes, None);
        stage.end()
    };
    assert_eq!(play(Via::Chat, address(1), &[0; 1200]), Ok(()));
    bites(play(Via::Chat, address(1), &[0; 1201]), "in a session");
    bites(play(Via::Beacon, address(1), &[0; 1473]), "more than fit");
    assert_eq!(play(Via::Mdns, group(), &response(vec![ptr(), srv()])), Ok(()));
    let mut broken = response(vec![ptr()]);
    broken.truncate(broken.len() - 3);
    bites(play(Via::Mdns, group(), &broken), "nobody can read");
}

#[test]
fn idle_bites_when_the_silence_is_not_silent() {
    let play = |datagrams: usize, disturbed: bool| {
        let mut stage = Stage::new(idle::Idle::default());
        stage.after(200_000);
        if disturbed {
            stage.wait(0);
        }
        for _ in 0..datagrams {
            stage.send(0, Via::Chat, address(1), &[0; 40], None);
        }
        stage.end()
    };
    let most = Stage::new(idle::Idle::default()).truth.bounds.idle(Duration::from_secs(60), 3, 2);
    let most = usize::try_from(most).unwrap();
    assert_eq!(play(most, false), Ok(()));
    bites(play(most + 1, false), "nothing happens");
    assert_eq!(play(most + 1, true), Ok(()));
}
