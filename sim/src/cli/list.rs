//! `sim list` and `sim explain`.

use serde_json::json;
use sim::{
    expect::SOMETIMES,
    scenario::library::{FILES, named},
};

use super::{
    Exit, Refusal,
    show::{Paint, Show},
};

pub(super) fn list(show: &Show) -> Exit {
    for (name, _) in FILES {
        let Some(scenario) = named(name) else { continue };
        let pending = scenario.expect().pending.as_deref();
        show.word(format_args!(
            "{}  {}",
            show.paint(Paint::Bold, format_args!("{name:26}")),
            scenario.about()
        ));
        if let Some(why) = pending {
            show.word(format_args!("{:26}  {}", "", show.paint(Paint::Odd, format_args!("pending: {why}"))));
        }
        show.object(
            &json!({ "type": "scenario", "name": name, "about": scenario.about(), "pending": pending }),
        );
    }
    Exit::Pass
}

pub(super) fn explain(name: &str, show: &Show) -> Result<Exit, Refusal> {
    let Some(meaning) = sim::explain(name) else {
        let checks = sim::checks().iter().map(|(name, _)| *name);
        let known: Vec<_> = checks.chain(SOMETIMES.iter().map(|(name, _)| *name)).collect();
        return Err(Refusal(format!("nothing is called `{name}`; there are {}", known.join(", "))));
    };
    show.word(format_args!("{}  {meaning}", show.paint(Paint::Bold, name)));
    show.object(&json!({ "type": "explain", "name": name, "meaning": meaning }));
    Ok(Exit::Pass)
}
