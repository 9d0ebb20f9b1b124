//! What is told together is told as it is by the end of it: what was taken back meanwhile is not told at all.

use std::collections::BTreeMap;

use chat_core::{MessageId, What};

use super::{Fresh, Told};

/// Lets each message have its latest text, and leaves out those that were taken back, with all that was done to them.
pub(crate) fn settle(mut fresh: Vec<Fresh>) -> Vec<Fresh> {
    // What became of each message: nothing, another text, or that it is gone.
    let mut fates: BTreeMap<MessageId, Fate> = BTreeMap::new();
    for new in &fresh {
        if let Told::Message(shown) = &new.told {
            fates.insert(shown.message.id, Fate::AsSaid);
        }
    }
    for new in &fresh {
        let Told::Change(changed) = &new.told else { continue };
        let what = &changed.change.what;
        let Some(fate) = what.target().and_then(|target| fates.get_mut(&target)) else { continue };
        match what {
            What::Delete { .. } => *fate = Fate::Gone,
            What::Edit { text, .. } => *fate = Fate::Edited(text.clone()),
            _ => {}
        }
    }
    fresh.retain_mut(|new| match &mut new.told {
        Told::Message(shown) => match fates.get(&shown.message.id) {
            Some(Fate::Gone) => false,
            Some(Fate::Edited(text)) => {
                shown.say_instead(text);
                true
            }
            _ => true,
        },
        Told::Change(changed) => {
            let what = &changed.change.what;
            match what.target().and_then(|target| fates.get(&target)) {
                Some(Fate::Gone) => false,
                Some(_) => !matches!(what, What::Edit { .. }),
                None => true,
            }
        }
    });
    fresh
}

enum Fate {
    AsSaid,
    Edited(String),
    Gone,
}
