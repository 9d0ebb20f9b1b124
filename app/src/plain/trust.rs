//! Who is who: keys are compared, and people verified, muted or blocked.

use chat_core::{Action, Digits, PeerKey, Thought};

use super::{Pending, Plain};
use crate::{engine::Engine, people::BADGE};

/// What a person may say of digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// They are the same.
    Same,
    /// They are others, or it is not to be believed any more.
    Other,
    /// The other person has read these.
    Digits(Digits),
    /// The other person has shown this key.
    Key(PeerKey),
}

impl Verdict {
    fn read(text: &str) -> Option<Self> {
        match text {
            "yes" => Some(Self::Same),
            "no" => Some(Self::Other),
            text => text.parse().map(Self::Digits).or_else(|_| text.parse().map(Self::Key)).ok(),
        }
    }
}

impl Plain {
    /// `NICK`, or `NICK` and what came of comparing.
    pub(super) fn verify(&mut self, argument: &str, engine: &mut Engine) -> Result<(), String> {
        // A nick may have spaces in it, and so may digits.
        let mut ends = argument.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
        let verdict = ends.find_map(|at| {
            let (name, rest) = argument.split_at(at);
            Some((name.trim(), Verdict::read(rest.trim())?))
        });
        let (name, verdict) = verdict.map_or((argument, None), |(name, verdict)| (name, Some(verdict)));
        let name = name.trim_matches('"');
        let key = match verdict.and_then(|verdict| self.compared_with(name, verdict).transpose()) {
            Some(key) => key?,
            None => self.people.resolve(name).map_err(|error| error.to_string())?,
        };
        let whom = self.people.label(key, None);
        let compared = || {
            let compared = self.people.compared(key);
            compared.ok_or_else(|| format!("no digits were compared yet; /verify {name} shows some"))
        };
        let is_same = match verdict {
            None => {
                self.act(Action::Compare(key), Pending::Compare(key), engine);
                return Ok(());
            }
            Some(Verdict::Same) => compared().map(|_| true)?,
            Some(Verdict::Other) => false,
            Some(Verdict::Digits(digits)) => compared()? == digits,
            Some(Verdict::Key(other)) => other == key,
        };
        if !is_same {
            self.complain(&format!(
                "{} is not verified: who shows you other digits or another key is somebody else, or somebody \
                 stands between you",
                whom.trim_end_matches(BADGE)
            ));
        }
        self.think(key, Thought::Verified(is_same), engine);
        Ok(())
    }

    /// Whose digits the person has before them: `name` may be another's by now. `None` when it is nobody's, or that makes
    /// no difference.
    fn compared_with(&self, name: &str, verdict: Verdict) -> Result<Option<PeerKey>, String> {
        let mut keys = match verdict {
            Verdict::Same | Verdict::Digits(_) => self.people.compared_as(name),
            Verdict::Other | Verdict::Key(_) => return Ok(None),
        };
        if let Verdict::Digits(digits) = verdict {
            keys.retain(|key| self.people.compared(*key) == Some(digits));
        }
        match keys[..] {
            [key] => Ok(Some(key)),
            [] => Ok(None),
            _ if matches!(verdict, Verdict::Digits(_)) => Ok(None),
            _ => {
                let choices = self.people.choices(&keys.iter().copied().collect()).join(" or ");
                Err(format!(
                    "{name} may be {choices}, and digits of each were shown; type those that are the same: /verify {name} \
                     DIGITS"
                ))
            }
        }
    }

    /// What the person says of `name`.
    pub(super) fn think_of(
        &mut self,
        name: &str,
        thought: Thought,
        engine: &mut Engine,
    ) -> Result<(), String> {
        let key = self.people.resolve(name.trim_matches('"')).map_err(|error| error.to_string())?;
        self.think(key, thought, engine);
        Ok(())
    }

    fn think(&mut self, key: PeerKey, thought: Thought, engine: &mut Engine) {
        let whom = self.people.label(key, None).trim_end_matches(BADGE).to_string();
        let is_news = self.people.trust(key).with(thought) != self.people.trust(key);
        self.act(Action::Think { key, thought }, Pending::Think { whom, thought, is_news }, engine);
    }

    /// Says what is thought of somebody now.
    pub(super) fn tell_thought(&self, whom: &str, thought: Thought, is_news: bool) {
        let what = match thought {
            Thought::Verified(true) => "verified: the badge goes with the key, whatever they call themselves",
            Thought::Verified(false) => "not verified",
            Thought::Blocked(true) => "blocked: nothing of theirs is shown, nor of before",
            Thought::Blocked(false) => "not blocked",
            Thought::Muted(true) => "muted: what they say is kept, and not shown as it comes",
            Thought::Muted(false) => "not muted",
        };
        let is_yes =
            matches!(thought, Thought::Verified(true) | Thought::Blocked(true) | Thought::Muted(true));
        let (already, before) = match (is_news, is_yes) {
            (true, _) => ("", ""),
            (false, true) => ("already ", ""),
            (false, false) => ("", ", nor was before"),
        };
        self.notice(&format!("{whom} is {already}{what}{before}"));
    }

    /// Shows the digits that came out of a comparison.
    pub(super) fn show_digits(&mut self, key: PeerKey, digits: Digits, asked: bool) {
        let is_another = self.people.on_compared(key, digits, asked);
        let whom = self.people.label(key, None);
        let name = if whom.contains(char::is_whitespace) { format!("\"{whom}\"") } else { whom.clone() };
        let name = name.replace(BADGE, "");
        let why = if asked { String::new() } else { format!("{whom} wants to be sure that you are you: ") };
        let now = if is_another { " now, and those of before count no more" } else { "" };
        self.notice(&format!(
            "{why}your digits with {whom} are {digits}{now}; ask for theirs, by voice or face to face. If they are the same, type: \
             /verify {name} yes; if not: /verify {name} no"
        ));
    }

    /// Warns of somebody who may be taken for another; of whoever `is_told` of only as one of many if that is somebody
    /// verified.
    pub(super) fn warn_of(&mut self, key: PeerKey, is_told: bool) {
        let other = self.people.looks_like(key);
        if let Some(other) = other.filter(|other| is_told || self.people.trust(*other).verified) {
            self.warn(key, other);
        }
    }
}
