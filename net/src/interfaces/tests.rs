use quickcheck::quickcheck;

use super::*;

fn seen(name: &str) -> Seen {
    let address = Subnet { address: [10, 0, 0, 1].into(), prefix: 24 };
    let interface = Interface {
        index: 2,
        name: name.into(),
        addresses: vec![address],
        multicast: true,
        loopback: name == "lo",
        mtu: 1500,
    };
    Seen { interface, up: true, running: true }
}

fn verdicts(seen: Vec<Seen>, named: &[&str]) -> Vec<Option<Why>> {
    let named: Vec<_> = named.iter().map(|&name| name.to_owned()).collect();
    judge(seen, &named).into_iter().map(|one| one.left_out).collect()
}

#[test]
fn virtual_interfaces_are_left_out_by_name_and_only_by_name() {
    let names = ["docker0", "br-1f", "virbr0", "veth12", "tun0", "tap0", "wg0", "vEthernet (WSL)"];
    assert_eq!(verdicts(names.map(seen).into(), &[]), [Some(Why::Virtual); 8]);
    let real = ["eth0", "wlan0", "br0", "bridge0", "enp3s0", "en0", "Ethernet 2"];
    assert_eq!(verdicts(real.map(seen).into(), &[]), [None; 7]);
}

#[test]
fn a_named_interface_is_used_whatever_it_is_and_no_other() {
    let all = || ["lo", "eth0", "wg0"].map(seen).to_vec();
    assert_eq!(verdicts(all(), &["wg0"]), [Some(Why::NotNamed), Some(Why::NotNamed), None]);
    assert_eq!(verdicts(all(), &["lo"]), [None, Some(Why::NotNamed), Some(Why::NotNamed)]);
    assert_eq!(verdicts(all(), &["lo", "eth0"]), [None, None, Some(Why::NotNamed)]);
}

#[test]
fn what_cannot_carry_anything_is_left_out_even_when_named() {
    let down = Seen { up: false, ..seen("eth0") };
    let unplugged = Seen { running: false, ..seen("eth0") };
    let mut bare = seen("eth0");
    bare.interface.addresses.clear();
    for named in [&[][..], &["eth0"]] {
        let verdicts = verdicts(vec![down.clone(), unplugged.clone(), bare.clone()], named);
        assert_eq!(verdicts, [Some(Why::Down), Some(Why::NotRunning), Some(Why::NoAddress)]);
    }
}

#[test]
fn loopback_is_used_only_when_nothing_else_is() {
    assert_eq!(verdicts(vec![seen("lo"), seen("eth0")], &[]), [Some(Why::Loopback), None]);
    let down = Seen { up: false, ..seen("eth0") };
    assert_eq!(verdicts(vec![seen("lo"), down], &[]), [None, Some(Why::Down)]);
    assert_eq!(verdicts(vec![seen("lo"), seen("docker0")], &[]), [None, Some(Why::Virtual)]);
    let down = Seen { up: false, ..seen("lo") };
    assert_eq!(verdicts(vec![down], &[]), [Some(Why::Down)]);
}

#[test]
fn a_line_of_the_list_says_what_it_is_and_why_it_is_left_out() {
    let list = judge(vec![seen("eth0"), seen("docker0")], &[]);
    assert_eq!(list[0].to_string(), "eth0 10.0.0.1/24: usable");
    assert!(list[1].to_string().starts_with("docker0 10.0.0.1/24: its name says"), "{}", list[1]);
}

#[test]
fn this_machine_has_a_loopback_interface_with_its_address() {
    let all = see().unwrap();
    let lo = all.iter().find(|seen| seen.interface.loopback).unwrap();
    assert!(lo.interface.index > 0 && lo.interface.multicast);
    if lo.up {
        let home = Subnet { address: [127, 0, 0, 1].into(), prefix: 8 };
        assert!(lo.interface.addresses.contains(&home), "{lo:?}");
    }
    assert!(all.is_sorted_by_key(|seen| seen.interface.index));
}

quickcheck! {
    fn whatever_there_is_something_up_is_used_unless_it_is_virtual(kinds: Vec<(u8, bool, bool)>) -> bool {
        let names = ["lo", "eth0", "docker0", "wlan0"];
        let all: Vec<_> = kinds
            .iter()
            .map(|&(kind, up, running)| Seen { up, running, ..seen(names[usize::from(kind % 4)]) })
            .collect();
        let live = all.iter().any(|one| one.up && one.running && one.interface.name != "docker0");
        let list = judge(all, &[]);
        let used = usable(&list);
        let mixed = used.iter().any(|one| one.loopback) && used.iter().any(|one| !one.loopback);
        live != used.is_empty() && !mixed
    }
}
