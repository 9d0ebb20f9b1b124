//! Rules that a compiler does not check: who may use whom, and how long a file may be.
#![forbid(unsafe_code)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chat_tests::bin::repository;

#[test]
fn a_package_uses_only_those_below_it() {
    let allowed: [(&str, &[&str]); 6] = [
        ("chat-core", &[]),
        ("chat-net", &["chat-core"]),
        ("chat-app", &["chat-core", "chat-net"]),
        ("chat-std", &["chat-core", "chat-net", "chat-app"]),
        ("chat-smol", &["chat-core", "chat-net", "chat-app"]),
        ("sim", &["chat-core"]),
    ];
    let ours: BTreeSet<&str> = allowed.iter().map(|(package, _)| *package).collect();
    for (package, may) in allowed {
        for used in tree(package) {
            let fine = used == package || !ours.contains(used.as_str()) || may.contains(&used.as_str());
            assert!(fine, "{package} uses {used}");
        }
    }
}

#[test]
fn no_async_crate_is_below_chat_std() {
    // smol_str is a short string of the language server's, and has nothing to do with smol.
    let banned = |name: &str| {
        ["async-", "tokio", "smol", "futures", "polling", "mio", "blocking"]
            .iter()
            .any(|word| name.starts_with(word) && name != "smol_str")
    };
    let found: Vec<_> = tree("chat-std").into_iter().filter(|name| banned(name)).collect();
    assert!(found.is_empty(), "{found:?}");
    // The list of names is not stale: it catches the other program.
    assert!(tree("chat-smol").iter().any(|name| banned(name)));
}

#[test]
fn the_core_knows_no_randomness_and_no_clock_of_the_system() {
    for banned in ["getrandom", "rand", "rustix", "socket2", "web-time"] {
        assert!(!tree("chat-core").contains(banned), "{banned}");
    }
}

#[test]
fn nothing_below_the_core_asks_for_the_standard_library() {
    let features = cargo_tree(&["--edges", "normal,features", "--format", "{p}", "-p", "chat-core"]);
    let with_std: Vec<_> = features.lines().filter(|line| line.contains("feature \"std\"")).collect();
    assert!(with_std.is_empty(), "{with_std:?}");
    assert!(features.contains("feature \"alloc\""), "features are listed: {features}");
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let mut long = Vec::new();
    for path in sources(repository()) {
        let lines = fs::read_to_string(&path).expect("a source file").lines().count();
        if lines > 500 {
            long.push(format!("{} has {lines}", path.display()));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_for_later() {
    // Put together, so that this file does not find itself.
    let words = [["#[", "ignore"], ["TO", "DO"], ["FIX", "ME"], ["todo", "!("], ["unimplemented", "!("]];
    let words = words.map(|parts| parts.concat());
    for path in sources(repository()) {
        let text = fs::read_to_string(&path).expect("a source file");
        for word in &words {
            assert!(!text.contains(word.as_str()), "{word} in {}", path.display());
        }
    }
}

/// `docs/CONFORMANCE.md` against the tests that it names, and they against it.
#[test]
fn every_item_of_multicast_dns_has_tests_that_exist_and_say_so() {
    let table = fs::read_to_string(repository().join("docs/CONFORMANCE.md")).expect("the table");
    let (mut items, mut cases) = (Vec::new(), 0);
    let mut part = "";
    for line in table.lines() {
        part = line.strip_prefix("## ").unwrap_or(part);
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let numbers = match (part, &cells[..]) {
            ("The items", ["", item, _, _, _, _, _, ""]) => numbers(item),
            ("The Bonjour Conformance Test", ["", _, _, items, _, ""]) => numbers(items),
            _ => continue,
        };
        let tests = cells.iter().flat_map(|cell| cell.split("<br>"));
        let tests = tests.filter_map(|test| test.strip_prefix('`')?.strip_suffix('`')).collect::<Vec<_>>();
        if numbers.is_empty() {
            assert!(tests.is_empty(), "{line}");
            continue;
        }
        let mut named = BTreeSet::new();
        for test in &tests {
            let about = items_of(test);
            assert!(numbers.iter().any(|item| about.contains(item)), "{test} does not name {numbers:?}");
            named.extend(about);
        }
        assert!(numbers.iter().all(|item| named.contains(item)), "no test of {numbers:?}: {line}");
        if part == "The items" { items.extend(numbers) } else { cases += 1 }
    }
    assert_eq!(items, (1..=63).collect::<Vec<u32>>());
    assert_eq!(cases, 20);
}

/// The items that the comment of a test names; the test is called by its path from `core/src`, or from `net/tests`.
fn items_of(test: &str) -> BTreeSet<u32> {
    let mut modules: Vec<&str> = test.split("::").collect();
    let name = modules.pop().expect("a name");
    let base = match &modules[..] {
        ["net", file] => repository().join("net/tests").join(file),
        modules => repository().join("core/src").join(modules.join("/")),
    };
    let text =
        fs::read_to_string(base.with_extension("rs")).or_else(|_| fs::read_to_string(base.join("mod.rs")));
    let text = text.unwrap_or_else(|_| panic!("no file of {test}"));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let at = lines.iter().position(|line| line.starts_with(&head)).unwrap_or_else(|| panic!("no {test}"));
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with("///") || line.starts_with("#["));
    let is_test = lines[at].ends_with("-> bool {") || lines[..at].ends_with(&["#[test]"]);
    assert!(is_test, "{test} is no test");
    let said = above.filter_map(|line| line.strip_prefix("/// Item"));
    said.flat_map(|said| numbers(said.trim_start_matches('s').split('(').next().unwrap_or_default()))
        .collect()
}

/// The numbers that `text` begins with, between commas.
fn numbers(text: &str) -> Vec<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',' && c != ' ').unwrap_or(text.len());
    text[..end].split(',').filter_map(|part| part.trim().parse().ok()).collect()
}

/// The names of all packages below `package`, without those that only its tests need.
fn tree(package: &str) -> BTreeSet<String> {
    let text = cargo_tree(&["--edges", "normal,build", "--format", "{p}", "-p", package]);
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn cargo_tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["tree", "--offline", "--prefix", "none"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
