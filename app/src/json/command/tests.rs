use quickcheck::quickcheck;

use super::*;

const KEY: &str = "00000000000000000000000000000000000000000000000000000000000000ff";

fn wish(line: &str) -> Result<Wish, Code> {
    read(Line::Text(line.to_string())).1.map_err(|wrong| {
        assert_eq!(wrong.message.lines().count(), 1);
        wrong.code
    })
}

fn id(line: &str) -> Option<String> {
    read(Line::Text(line.to_string())).0.map(|id| id.get().to_string())
}

#[test]
fn every_command_is_read() {
    let lobby = RoomName::lobby();
    let say =
        |place, text: &str| Action::Say { place, text: Text::new(text).unwrap(), action: false, reply: None };
    let act = |line: &str, action: Action| assert_eq!(wish(line), Ok(Wish::Act(action)), "{line}");
    act(
        r##"{"cmd":"send","room":"#Lobby","text":"hi\nyou","new":[{}]}"##,
        say(Place::Room(lobby.clone()), "hi\nyou"),
    );
    act(
        &format!(r#"{{"cmd":"send","to":"{KEY}","room":null,"text":"x"}}"#),
        say(Place::Direct(KEY.parse().unwrap()), "x"),
    );
    act(
        &format!(r#"{{"cmd":"send","room":"@{KEY}","text":"x"}}"#),
        say(Place::Direct(KEY.parse().unwrap()), "x"),
    );
    act(r##"{"cmd":"join","room":"#lobby"}"##, Action::Join(lobby.clone()));
    act(r##"{"cmd":"leave","room":"#lobby"}"##, Action::Leave(lobby.clone()));
    act(r#"{"cmd":"nick","nick":" ana "}"#, Action::Rename(Nick::new("ana").unwrap()));
    act(r#"{"cmd":"connect","address":"10.0.0.1"}"#, Action::Connect("10.0.0.1:27182".parse().unwrap()));
    let place = Place::Room(lobby);
    assert_eq!(
        wish(&format!(r##"{{"cmd":"history","room":"#lobby","limit":7,"before":"{KEY}.3"}}"##)),
        Ok(Wish::History { place: place.clone(), limit: 7, before: format!("{KEY}.3").parse().ok() })
    );
    assert_eq!(
        wish(r##"{"cmd":"history","room":"#lobby"}"##),
        Ok(Wish::History { place, limit: 50, before: None })
    );
    assert_eq!(wish(r#"{"cmd":"peers"}"#), Ok(Wish::Peers));
    assert_eq!(wish(r#"{"cmd":"rooms"}"#), Ok(Wish::Rooms));
    let target: MessageId = format!("{KEY}.3").parse().unwrap();
    let about = |rest: &str| wish(&format!(r#"{{"target":"{KEY}.3",{rest}}}"#));
    let change = |how| Ok(Wish::Change { target, how });
    assert_eq!(about(r#""cmd":"edit","text":"b""#), change(How::Edit(Text::new("b").unwrap())));
    assert_eq!(about(r#""cmd":"delete""#), change(How::Delete));
    let emoji = || Emoji::new("+1").unwrap();
    assert_eq!(about(r#""cmd":"react","emoji":"+1""#), change(How::React { emoji: emoji(), gone: false }));
    let gone = change(How::React { emoji: emoji(), gone: true });
    assert_eq!(about(r#""cmd":"react","emoji":"+1","remove":true"#), gone);
    let topic = Action::Topic { room: RoomName::lobby(), topic: Topic::new("tea").unwrap() };
    assert_eq!(wish(r##"{"cmd":"topic","room":"#lobby","text":" tea "}"##), Ok(Wish::Act(topic)));
    assert_eq!(wish(r#" {"cmd":"quit"} "#), Ok(Wish::Quit));
}

#[test]
fn what_is_wrong_has_its_code() {
    let long = format!(r##"{{"cmd":"send","room":"#a","text":"{}"}}"##, "x".repeat(4097));
    for (line, code) in [
        ("", Code::BadCommand),
        ("hello", Code::BadCommand),
        ("[]", Code::BadCommand),
        ("{}", Code::BadCommand),
        (r#"{"cmd":1}"#, Code::BadCommand),
        (r#"{"cmd":"quit"} {"cmd":"quit"}"#, Code::BadCommand),
        (r#"{"cmd":"quit","id":{}}"#, Code::BadCommand),
        (r#"{"cmd":"quit","id":true}"#, Code::BadCommand),
        (r#"{"cmd":"frobnicate"}"#, Code::UnknownCommand),
        (r#"{"cmd":"edit","text":"x"}"#, Code::BadCommand),
        (r#"{"cmd":"delete","target":"x"}"#, Code::BadCommand),
        (&format!(r#"{{"cmd":"edit","target":"{KEY}.0","text":" "}}"#), Code::BadCommand),
        (&format!(r#"{{"cmd":"edit","target":"{KEY}.0","text":"{}"}}"#, "x".repeat(4097)), Code::TextTooLong),
        (&format!(r#"{{"cmd":"react","target":"{KEY}.0","emoji":"a b"}}"#), Code::BadCommand),
        (&format!(r#"{{"cmd":"react","target":"{KEY}.0"}}"#), Code::BadCommand),
        (&format!(r##"{{"cmd":"topic","room":"#a","text":"{}"}}"##, "x".repeat(201)), Code::TextTooLong),
        (&format!(r#"{{"cmd":"topic","room":"@{KEY}","text":"x"}}"#), Code::BadRoom),
        (r#"{"cmd":"send","text":"x"}"#, Code::BadCommand),
        (r##"{"cmd":"send","room":"#a","to":"ff","text":"x"}"##, Code::BadCommand),
        (r##"{"cmd":"send","room":"#a","text":""}"##, Code::BadCommand),
        (r##"{"cmd":"send","room":"#a","text":7}"##, Code::BadCommand),
        (r##"{"cmd":"send","room":"#a","text":"x","action":1}"##, Code::BadCommand),
        (r##"{"cmd":"send","room":"#a","text":"x","reply":"x"}"##, Code::BadCommand),
        (r#"{"cmd":"send","to":"bo","text":"x"}"#, Code::BadCommand),
        (&long, Code::TextTooLong),
        (r#"{"cmd":"send","room":"@bo","text":"x"}"#, Code::BadCommand),
        (r#"{"cmd":"join","room":"lobby"}"#, Code::BadRoom),
        (&format!(r#"{{"cmd":"join","room":"@{KEY}"}}"#), Code::BadRoom),
        (r##"{"cmd":"join","room":"#a b"}"##, Code::BadRoom),
        (r##"{"cmd":"join","room":"#a","phrase":7}"##, Code::BadCommand),
        (r##"{"cmd":"create","room":"a"}"##, Code::BadRoom),
        (r##"{"cmd":"send","room":"#a","text":" \n\u2800"}"##, Code::BadCommand),
        (r#"{"cmd":"nick","nick":"\u200b"}"#, Code::BadNick),
        (r#"{"cmd":"nick","nick":"\u2800"}"#, Code::BadNick),
        (r#"{"cmd":"connect","address":"bo.local"}"#, Code::BadCommand),
        (r##"{"cmd":"history","room":"#a","limit":10001}"##, Code::BadCommand),
        (r##"{"cmd":"history","room":"#a","limit":-1}"##, Code::BadCommand),
        (r##"{"cmd":"history","room":"#a","before":"1.1"}"##, Code::BadCommand),
    ] {
        assert_eq!(wish(line), Err(code), "{line}");
    }
    assert_eq!(read(Line::TooLong).1.unwrap_err().code, Code::BadCommand);
    assert_eq!(read(Line::NotText).1.unwrap_err().code, Code::BadCommand);
    let deep = "[".repeat(30_000) + &"]".repeat(30_000);
    assert_eq!(wish(&format!(r#"{{"cmd":"quit","x":{deep}}}"#)), Ok(Wish::Quit));
    assert_eq!(wish(&"[".repeat(60_000)), Err(Code::BadCommand));
}

#[test]
fn the_examples_of_the_page_about_it_are_commands() {
    let page = include_str!("../../../../docs/JSON.md");
    let examples: Vec<&str> =
        page.lines().filter(|line| line.starts_with('{') && line.contains(r#""cmd":"#)).collect();
    assert!(examples.len() > 10);
    for example in examples {
        let whole =
            example.replace("1f9a\u{2026}", KEY).replace("c2f0\u{2026}", KEY).replace("%wlp3s0", "%1");
        let read = wish(&whole);
        assert!(read.is_ok(), "{example}: {read:?}");
        let fields: serde_json::Value = serde_json::from_str(example).unwrap();
        let name = format!("`{}`", fields["cmd"].as_str().unwrap());
        let mut rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        assert!(rows.any(|row| row.split(", ").any(|command| command == name)), "{name} is not in the table");
    }
}

#[test]
fn an_id_comes_back_to_the_letter() {
    for given in ["7", "-1.50e3", "12345678901234567890123", r#""a\u0041""#, "1e999"] {
        assert_eq!(id(&format!(r#"{{"id":{given},"cmd":"quit"}}"#)).as_deref(), Some(given));
    }
    assert_eq!(id(r#"{"id":3,"cmd":"frobnicate"}"#).as_deref(), Some("3"), "also beside an error");
    assert_eq!(id(r#"{"cmd":"quit"}"#), None);
    assert_eq!(id(r#"{"cmd":"quit","id":null}"#), None);
}

quickcheck! {
    fn nothing_panics(text: String, cut: usize) -> bool {
        let _ = read(Line::Text(text.clone()));
        let whole = format!(r##"{{"cmd":"send","id":{cut},"room":"#{text}","text":"\ud83d\ude00"}}"##);
        let end = (0..=cut % (whole.len() + 1)).rev().find(|&end| whole.is_char_boundary(end)).unwrap_or(0);
        let _ = read(Line::Text(whole[..end].to_string()));
        true
    }
}
