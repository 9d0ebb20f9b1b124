//! BCT II.17: the cable is pulled out and put back.

use super::*;

/// Items 41, 47, 58 (RFC 6762 sections 8, 5.4, 10.3).
#[test]
fn with_the_cable_back_everything_is_probed_for_and_announced_again() {
    for seed in 0..100 {
        let mut bench = Bench::settled(seed);
        let neighbour = service_name().child(b"neighbour").unwrap();
        bench.hear(&response(&[pointer(&neighbour, 4500), record(&neighbour, 120, true, rival_srv(1))]));
        assert_eq!(bench.mdns.cached(), 2);
        let cable = core::mem::take(&mut bench.interfaces);
        let out = bench.now;
        bench.plug();
        bench.run(5 * SECOND);
        assert!(bench.since(out, |_| true).is_empty());
        assert_eq!(bench.mdns.cached(), 0, "what was there may not be there any more");
        bench.interfaces = cable;
        let begin = bench.now;
        bench.plug();
        bench.run(5 * SECOND);
        let probes: Vec<_> = bench.probes(begin).iter().map(|probe| probe.at).collect();
        assert!(probes.len() == 3 && probes[0] - begin <= 250 * MS);
        assert!(probes.windows(2).all(|pair| pair[1] - pair[0] == 250 * MS));
        assert_eq!(bench.responses(begin).len(), 2);
        // The first question of the link allows unicast again (item 47).
        let asked = bench.since(begin, |packet| !packet.is_probe() && !packet.is_response());
        assert!((20 * MS..=120 * MS).contains(&(asked[0].at - begin)));
        assert!(asked[0].message().questions[0].unicast && !asked[1].message().questions[0].unicast);
    }
}

/// Items 41, 18 (RFC 6762 sections 8, 6): whoever was told a moment ago is not told again before a second has passed.
#[test]
fn a_loose_contact_does_not_repeat_what_was_just_said() {
    for seed in 0..100 {
        let mut bench = Bench::new(seed);
        let told = bench.run_until(Packet::is_response).at;
        let cable = core::mem::take(&mut bench.interfaces);
        bench.plug();
        bench.now += 10 * MS;
        bench.interfaces = cable;
        bench.plug();
        bench.run(5 * SECOND);
        let again: Vec<_> = bench.responses(told + MS).iter().map(|response| response.at).collect();
        assert!(again.len() == 2 && again[0] - told >= SECOND, "{seed}: {again:?} after {told:?}");
    }
}

/// Items 41, 33 (RFC 6762 sections 8, 8.1): meanwhile somebody may have taken the name.
#[test]
fn a_name_taken_meanwhile_is_lost_to_whoever_has_it() {
    let mut bench = Bench::settled(1);
    let (taken, cable) = (bench.instance(), core::mem::take(&mut bench.interfaces));
    bench.plug();
    bench.interfaces = cable;
    bench.plug();
    bench.run_until(Packet::is_probe);
    bench.hear(&response(&[record(&taken, 120, true, rival_srv(1))]));
    bench.run(5 * SECOND);
    assert!(bench.label().ends_with(" (2)"));
}

/// Item 41 (RFC 6762 section 8): the machine slept, and nothing else has changed.
#[test]
fn a_wake_up_is_a_start() {
    let mut bench = Bench::settled(1);
    bench.now += 10_000 * SECOND;
    let begin = bench.now;
    bench.plug();
    bench.run(5 * SECOND);
    assert_eq!((bench.probes(begin).len(), bench.responses(begin).len()), (3, 2));
}
