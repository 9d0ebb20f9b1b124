//! What is told together is told as it is by the end of it: what was taken back meanwhile is not told at all.

use std::collections::BTreeMap;

use chat_core::{MessageId, What};

use super::Told;

/// Lets each message have its latest text, and leaves out those that were taken back, with all that was done to them.
/// `told` is where an item has what is told; they are in the order in which they came to count.
pub(crate) fn settle<T>(mut items: Vec<T>, told: impl Fn(&mut T) -> &mut Told) -> Vec<T> {
    // What became of each message: nothing, another text, or that it is gone.
    let mut fates: BTreeMap<MessageId, Fate> = BTreeMap::new();
    for item in &mut items {
        if let Told::Message(shown) = told(item) {
            fates.insert(shown.message.id, Fate::AsSaid);
        }
    }
    for item in &mut items {
        let Told::Change(changed) = told(item) else { continue };
        let what = &changed.change.what;
        let Some(fate) = what.target().and_then(|target| fates.get_mut(&target)) else { continue };
        match what {
            What::Delete { .. } => *fate = Fate::Gone,
            What::Edit { text, .. } => *fate = Fate::Edited(text.clone()),
            _ => {}
        }
    }
    items.retain_mut(|item| match told(item) {
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
    items
}

enum Fate {
    AsSaid,
    Edited(String),
    Gone,
}
