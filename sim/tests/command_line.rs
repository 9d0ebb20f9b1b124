//! The program as it is called.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(args).output().expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder of this test's own, and a file in it.
fn file(test: &str, name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

/// Runs a scenario of this text; its plans are saved beside it.
fn run(test: &str, text: &str, more: &[&str]) -> Output {
    let file = file(test, "scenario.toml", text);
    let (folder, file) = (file.parent().unwrap().display().to_string(), file.display().to_string());
    sim(&[&["run", &file, "--plans", &folder], more].concat())
}

#[test]
fn a_bad_scenario_is_refused_with_its_place() {
    let bad = [
        ("peerz = 3", "1:1: unknown field `peerz`"),
        ("peers = 0", "1:9: from 1 to 60000 peers"),
        ("peers = 100000", "1:9: from 1 to 60000 peers"),
        ("peers = [5, 3]", "1:9: invalid value"),
        ("duration = '-5s'", "1:12: `-5s` is no span"),
        ("duration = '3000days'", "1:12: the plan: a duration"),
        ("duration = '5s'", "1:12: a run of 5s is over before it can be judged"),
        ("name = 'a'\nname = 'b'", "2:1: duplicate key"),
        ("peers = 3\n[[fault]]\nat = '5s'\nwhat = 'interface-gone'", "4:8: unknown variant `interface-gone`"),
        (
            "[[fault]]\nat = '5s'\non = { segment = 'cellar' }\nwhat = 'interface-down'",
            "3:18: there is no segment called `cellar`, only `lan`",
        ),
        ("[[fault]]\nat = '5s'\nfor = '-1s'\nwhat = 'interface-down'", "3:7: `-1s` is no span"),
        ("[[fault]]\nat = '5h'\nwhat = 'interface-down'", "1:1: fault 0: 5h is not before the end"),
        (
            "[[fault]]\nat = '5s'\non = { hosts = [12] }\nwhat = 'interface-down'",
            "1:1: fault 0 names host 12",
        ),
        ("[[fault]]\nat = '5s'\nwhat = { loss = { share = 1.5 } }", "3:27: 1.5 is no share"),
        (
            "[[fault]]\nat = '5s'\nwhat = { loss = { share = 0.5, clas = 'all' } }",
            "3:32: unexpected keys in table: clas",
        ),
        ("[[fault]]\nat = '5s'\nevery = '0s'\nwhat = 'interface-down'", "3:9: again and again"),
        ("[[segment]]\nname = 'a'\nprofile = 'copper'", "3:11: there is no profile called `copper`"),
        ("[[segment]]\nname = 'a'\ncount = 300", "1:1: a count of 300"),
        ("[[segment]]\nname = 'a'\n[[segment]]\nname = 'a'", "3:1: there are two segments called `a`"),
        ("[[segment]]\nname = 'a'\nmtu = 100", "1:1: segment 0: an MTU of 100"),
        ("[[host]]\nhosts = [10]\nstarts = '1s'", "1:1: there is no host 10"),
        ("[workload]\nchat = { rate = '1 a day' }", "2:17: `1 a day` is no rate"),
        ("[workload]\nchat = { size = 5 }", "2:8: a chat has either"),
        ("[[act]]\nat = '1s'\nhost = 0\nwhat = { join = 'no room' }", "1:1: act 0: `no room` is no name"),
        ("[expect]\nsometimes = ['wonders']", "nothing called `wonders` is counted"),
        ("peers = ", "1:9: "),
    ];
    for (text, complaint) in bad {
        let output = run("bad", text, &[]);
        let said = err(&output);
        assert_eq!(output.status.code(), Some(2), "{text}\n{said}");
        assert!(said.contains(complaint), "{text}\nshould say {complaint}\nand says {said}");
        assert!(
            said.starts_with("error: ") && said.contains("scenario.toml:") && out(&output).is_empty(),
            "{said}"
        );
    }
}

#[test]
fn a_bad_call_is_refused() {
    let bad: [&[&str]; 12] = [
        &["run", "nowhere"],
        &["run", "nowhere.toml"],
        &["run"],
        &["swam"],
        &["run", "lan", "--seed", "abc"],
        &["run", "lan", "--faults", "rain"],
        &["run", "lan", "--peers", "0"],
        &["run", "lan", "--duration", "1s"],
        &["run", "lan", "--max-rss", "lots"],
        &["replay", "nowhere.toml"],
        &["replay", "1", "--trace", "host=99"],
        &["explain", "S99"],
    ];
    for args in bad {
        let output = sim(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
        assert!(err(&output).starts_with("error: "), "{args:?}: {}", err(&output));
    }
}

#[test]
fn all_is_well_and_the_first_line_says_how_to_repeat_it() {
    let output = sim(&["run", "simultaneous-handshake", "--suite", "cheap", "--seed", "0x1F"]);
    let said = out(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let first = said.lines().next().unwrap();
    assert!(first.contains("seed 0x1f  suite cheap"), "{first}");
    assert!(first.contains("run simultaneous-handshake --seed 0x1f --suite cheap"), "{first}");
    assert_eq!(said.lines().last(), Some("PASS"));
    let decimal = out(&sim(&["run", "simultaneous-handshake", "--suite", "cheap", "--seed", "31"]));
    let hash =
        |said: &str| said.lines().find(|line| line.trim_start().starts_with("hash")).map(str::to_owned);
    assert!(hash(&said).is_some());
    assert_eq!(hash(&said), hash(&decimal));
}

#[test]
fn what_never_happened_is_vacuous_and_named() {
    let unheard = run("vacuous", "peers = 2\nduration = '30s'\n[expect]\nsometimes = ['peer-quit']", &[]);
    assert_eq!(unheard.status.code(), Some(3));
    assert!(out(&unheard).contains("VACUOUS  never happened: peer-quit"), "{}", out(&unheard));
    // On a wire without anybody.
    let idle =
        "peers = 2\nduration = '40s'\n[[segment]]\nname = 'a'\npeers = 2\n[[segment]]\nname = 'b'\npeers = 0
        [[fault]]\nat = '5s'\nfor = '1s'\non = { segment = 'b' }\nwhat = { loss = { share = 1.0 } }";
    let idle = run("vacuous-fault", idle, &["--suite", "cheap"]);
    assert_eq!(idle.status.code(), Some(3), "{}", out(&idle));
    assert!(out(&idle).contains("fault 0 (loss)"), "{}", out(&idle));
    let asked = sim(&["run", "simultaneous-handshake", "--faults", "storm", "--suite", "cheap"]);
    assert_eq!(asked.status.code(), Some(3));
    assert!(out(&asked).contains("never happened: storm"), "{}", out(&asked));
}

#[test]
fn a_broken_expectation_leaves_a_plan_that_breaks_alike() {
    let text = "peers = 3\nduration = '40s'\nsuite = 'cheap'\n[[fault]]\nat = '2s'\non = { hosts = [0] }\nwhat = { partition = { shape = 'split' } }";
    let output = run("broken", text, &["--seed", "7"]);
    let said = out(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAIL  expect at 40.000000000 s: host 0 does not know host 1"), "{said}");
    let saved =
        said.lines().find_map(|line| line.trim().strip_prefix("plan ")).expect("a plan is saved").trim();
    let again = sim(&["replay", saved]);
    assert_eq!(again.status.code(), Some(1));
    let hash =
        |said: &str| said.lines().find_map(|line| line.trim().strip_prefix("hash ").map(str::to_owned));
    assert!(hash(&said).is_some());
    assert_eq!(hash(&said), hash(&out(&again)));
    let part = sim(&["replay", saved, "--until", "3s", "--trace", "host=1"]);
    assert_eq!(part.status.code(), Some(0), "{}", out(&part));
    assert!(
        out(&part).contains("2.000000000  fault  0 begins") && out(&part).contains("  send   Mdns"),
        "{}",
        out(&part)
    );
    assert_eq!(sim(&["replay", saved, "--peers", "4"]).status.code(), Some(2));
}

#[test]
fn a_pending_one_that_passes_is_an_error() {
    let text = "peers = 2\nduration = '30s'\nsuite = 'cheap'\n[expect]\npending = 'because'";
    let output = run("pending", text, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("it passes, and is still marked as pending: because"), "{}", out(&output));
}

#[test]
fn a_budget_ends_it_with_what_was_reached() {
    let output = sim(&["run", "soak", "--max-wall", "1ms"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(out(&output).contains("the time of 1ms is used up; reached"), "{}", out(&output));
    if cfg!(target_os = "linux") {
        let output = sim(&["run", "soak", "--max-rss", "1M"]);
        assert_eq!(output.status.code(), Some(5));
        assert!(out(&output).contains("1 are allowed; reached"), "{}", out(&output));
    }
    assert_eq!(sim(&["swarm", "--seeds", "1000", "--max-wall", "1ms"]).status.code(), Some(5));
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_gives_the_figures_so_far() {
    use std::{
        io::{BufRead as _, BufReader, Read as _},
        process::Stdio,
    };

    let mut child = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "soak"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut reader = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut said = String::new();
    // The first line comes when the run begins.
    reader.read_line(&mut said).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    reader.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("STOP  interrupted; reached") && said.contains("  traffic "), "{said}");
}

#[test]
fn a_swarm_prints_the_same_with_any_number_of_threads() {
    let lines = |jobs| {
        let output = sim(&["swarm", "--seeds", "6", "--seed", "3", "--suite", "cheap", "--jobs", jobs]);
        let said = out(&output);
        let (code, kept) =
            (output.status.code(), said.lines().filter(|line| line.starts_with("  ")).map(str::to_owned));
        (code, kept.collect::<Vec<_>>())
    };
    let (code, one) = lines("1");
    assert!(one.iter().filter(|line| line.contains("PASS")).count() >= 6, "{one:#?}");
    assert_eq!((code, one), lines("3"));
}

#[test]
fn the_same_run_twice_is_the_same() {
    let output = sim(&["check", "forgotten-session", "--suite", "cheap"]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    assert!(out(&output).contains("both times"), "{}", out(&output));
}

#[test]
fn bench_measures_and_says_what_falls_short() {
    // Hardly any time: some of it does not reach its start, and that is said and no failure.
    let args = ["bench", "--peers", "6", "--for", "2s"];
    let output = sim(&args);
    let said = out(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "no sessions",
        "  floor ",
        "  sim ",
        "of the floor, goal 0.25: ",
        "6 peers, real",
        "6 peers, cheap",
        " with 1 job",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let objects = out(&sim(&[&args[..], &["--json"]].concat()));
    let objects: Vec<serde_json::Value> =
        objects.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let of = |what: &str| objects.iter().filter(|object| object["what"] == what).collect::<Vec<_>>();
    let segment = of("segment")[0];
    let figure = |name: &str| segment[name].as_f64().expect("a figure");
    assert_eq!((segment["peers"].as_u64(), segment["sessions"].as_bool()), (Some(6), Some(false)));
    let (floor, sim, ratio) = (figure("floor_per_s"), figure("sim_per_s"), figure("ratio"));
    assert!(floor > 0.0 && sim > 0.0 && (ratio - sim / floor).abs() < 1e-9, "{segment}");
    assert_eq!(segment["reached"].as_bool(), Some(ratio >= 0.25));
    assert_eq!(of("chat").len(), 2, "one size, two suites");
    assert!(of("swarm")[0]["runs"].as_u64() >= Some(1));
}

#[test]
fn the_list_has_every_scenario_and_why_some_are_pending() {
    let said = out(&sim(&["list"]));
    for (name, text) in sim::scenario::library::FILES {
        assert!(said.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
        assert_eq!(
            text.contains("\npending = "),
            sim::scenario::library::named(name).unwrap().expect().pending.is_some()
        );
    }
    let pending = said.lines().filter(|line| line.trim_start().starts_with("pending: ")).count();
    let texts = sim::scenario::library::FILES.iter().filter(|(_, text)| text.contains("\npending = "));
    assert_eq!(pending, texts.count(), "{said}");
    let objects = out(&sim(&["list", "--json"]));
    let object: serde_json::Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!(object["name"], "lan");
}

#[test]
fn a_program_gets_one_object_a_phase() {
    let output = sim(&["run", "simultaneous-handshake", "--json", "--suite", "cheap"]);
    let said = out(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    let object: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((object["type"].as_str(), object["verdict"].as_str()), (Some("phase"), Some("pass")));
    assert_eq!((object["exit"].as_u64(), object["peers"].as_u64()), (Some(0), Some(2)));
    assert!(err(&output).is_empty(), "{}", err(&output));
}

#[test]
fn properties_and_what_is_counted_are_explained() {
    for name in ["S14", "s14", "message-late", "partition"] {
        let output = sim(&["explain", name]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert!(out(&output).len() > name.len() + 10, "{}", out(&output));
    }
}
