use super::*;

fn read(line: &str) -> Result<Cli, Stop> {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    Cli::read("chat-std", &words)
}

/// The one line that a bad command line gets.
fn complaint(line: &str) -> String {
    match read(line) {
        Err(Stop::Fault(fault)) => {
            assert_eq!(fault.exit, Exit::Usage);
            assert_eq!(fault.message.lines().count(), 1, "{line}: {}", fault.message);
            fault.message
        }
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn nothing_is_needed() {
    let cli = read("").unwrap();
    assert!(cli.room.is_none() && cli.command.is_none() && !cli.json && !cli.plain);
    let usual = Discovery { mdns: true, broadcast: true, manual: true, mdns_crates: false };
    assert_eq!(cli.options.discovery, usual);
    assert_eq!((cli.options.author_rate, cli.options.log.as_str()), (200, "error"));
}

#[test]
fn options_may_stand_before_and_behind_a_command() {
    for line in ["--ephemeral --port 9 send #Ops hi there", "send --port 9 #Ops --ephemeral hi there"] {
        let cli = read(line).unwrap();
        assert!(cli.options.ephemeral);
        assert_eq!(cli.options.port.map(NonZeroU16::get), Some(9));
        let Some(Command::Send { to, text, timeout }) = cli.command else { panic!() };
        assert_eq!(
            (to.as_str(), text.join(" ").as_str(), timeout),
            ("#Ops", "hi there", Duration::from_secs(10))
        );
    }
    let Some(Command::Send { text, .. }) = read("send bo -").unwrap().command else { panic!() };
    assert_eq!(text, ["-"]);
    assert_eq!(read("#Ops --nick ana").unwrap().room, RoomName::new("#ops").ok());
    assert_eq!(read("--connect 10.0.0.1 --connect [::1]:7").unwrap().options.connect.len(), 2);
    assert_eq!(
        read("--discovery manual").unwrap().options.discovery,
        Discovery { mdns: false, broadcast: false, manual: true, mdns_crates: false }
    );
    assert_eq!(read("peers --capture a.pcapng").unwrap().options.capture, Some(PathBuf::from("a.pcapng")));
    assert_eq!(read("--json --since 17").unwrap().since, Some(17));
    // Asking twice does no harm.
    assert_eq!(read("--interface lo --interface lo").unwrap().options.interface, ["lo", "lo"]);
}

#[test]
fn a_complaint_is_one_line_and_says_what_is_allowed() {
    let says = |line: &str, parts: &[&str]| {
        let text = complaint(line);
        assert!(parts.iter().all(|part| text.contains(part)), "{line}: {text}");
    };
    says("--frobnicate", &["--frobnicate", "--profile", "--nick", "--timeout", "--version"]);
    for port in ["zero", "0", "-1", "65536", "70000"] {
        says(&format!("--port {port}"), &["--port", port, "from 1 to 65535", "a free one"]);
    }
    for rate in ["0", "-1", "1000001", "many"] {
        says(&format!("--author-rate {rate}"), &["--author-rate", rate, "from 1 to 1000000"]);
    }
    for cursor in ["x", "-1", "1.5"] {
        says(&format!("--json --since {cursor}"), &["--since", cursor, "a number", "cursor"]);
    }
    for time in ["0", "0ms", "-1", "soon", "1.5s", "86401", "9999999m", "99999999999999999999"] {
        says(&format!("send bo hi --timeout {time}"), &["--timeout", time, "seconds from 1 to 86400", "ms"]);
    }
    says("--log loud", &["loud", "off, error, warn, info, debug, trace"]);
    says("--connect nowhere", &["nowhere", "IP address"]);
    #[cfg(not(feature = "mdns-crates"))]
    says("--discovery mdns,mdns-crates", &["mdns-crates is not built in", "--features mdns-crates"]);
    says("--discovery pigeons", &["mdns, broadcast and manual"]);
    says("--discovery ,", &["mdns, broadcast and manual"]);
    says(
        "lobby",
        &[
            "begins with #",
            "such as '#lobby'",
            "send, search, tail, rooms, export, import, peers, doctor and id",
        ],
    );
    for eaten_by_the_shell in ["send", "send hello"] {
        says(eaten_by_the_shell, &["TEXT", "quote a room", "chat-std send '#lobby' TEXT"]);
    }
    says("--plain --json", &["--plain", "--json"]);
    says("--plain peers", &["--plain", "with the chat"]);
    says("--json --since 4 peers", &["--since", "with the chat"]);
    says("--profile x --ephemeral", &["--profile", "--ephemeral"]);
    says("--since 4", &["--json"]);
    says("--nick \u{200B}", &["--nick", "visible"]);
    says("--nick=", &["--nick"]);
    says(&format!("--nick {}", "x".repeat(33)), &["33 characters, 32 are allowed"]);
    says("#ops peers", &["#ops"]);
    for without_a_file in ["import", "export"] {
        says(without_a_file, &["FILE", "allowed is chat-std"]);
    }
}

#[test]
fn help_and_version_are_answers() {
    let answer = |line: &str| match read(line) {
        Err(Stop::Answer(text)) => text,
        other => panic!("{other:?}"),
    };
    let help = answer("--help");
    for word in ["chat-std", "#room", "--ephemeral", "send", "exit: 0 ok"] {
        assert!(help.contains(word), "{help}");
    }
    let help = answer("send --help");
    for word in ["for this message only", "nothing is sent", "--timeout", "3 not delivered in time"] {
        assert!(help.contains(word), "{help}");
    }
    for command in ["send", "search", "tail", "rooms", "export", "import", "peers", "doctor", "id"] {
        let help = answer(&format!("{command} --help"));
        assert!(help.contains("exit: 0 ok"), "{help}");
    }
    assert_eq!(answer("--version").trim(), concat!("chat-std ", env!("CARGO_PKG_VERSION")));
}

#[cfg(feature = "mdns-crates")]
#[test]
fn the_crates_may_stand_alone_or_beside_others() {
    let discovery = |list| read(&format!("--discovery {list}")).unwrap().options.discovery;
    assert_eq!(discovery("mdns-crates"), Discovery { mdns_crates: true, ..Discovery::default() });
    assert_eq!(
        discovery("manual,mdns-crates,mdns"),
        Discovery { mdns: true, manual: true, mdns_crates: true, ..Discovery::default() }
    );
}
