//! The properties, each in its place. What must hold, and where its bounds come from, stands in
//! [`explain`](super::explain).

use super::Check;
use crate::plan::Plan;

mod agree;
mod durable;
mod idle;
mod leave;
mod mdns;
mod meet;
mod memory;
mod names;
mod order;
mod peers;
mod reach;
mod rekeyed;
mod rounds;
mod said;
mod traffic;
mod trust;

#[cfg(test)]
mod tests;

/// All that look on where nobody means ill.
pub(super) fn all() -> Vec<Box<dyn Check>> {
    let unprovoked: [Box<dyn Check>; 3] = [
        Box::new(traffic::Amplification::default()),
        Box::new(mdns::Polite::default()),
        Box::new(idle::Idle::default()),
    ];
    safe().into_iter().chain(live()).chain(unprovoked).collect()
}

/// What never happens, whoever means ill.
pub(super) fn safe() -> Vec<Box<dyn Check>> {
    vec![
        Box::new(said::Once::default()),
        Box::new(said::Genuine),
        Box::new(order::Rising::default()),
        Box::new(order::Agreed::default()),
        Box::new(names::Names::default()),
        Box::new(trust::Trusted::default()),
        Box::new(peers::Proven),
        Box::new(peers::NotMyself),
        Box::new(peers::Gone::default()),
        Box::new(memory::Caps::default()),
        Box::new(durable::Durable::default()),
        Box::new(rekeyed::Rekeyed::default()),
        Box::new(traffic::Shape),
    ]
}

/// Where only discovery runs.
pub(super) fn of_discovery(plan: &Plan) -> Vec<Box<dyn Check>> {
    let mut checks: Vec<Box<dyn Check>> = vec![Box::new(memory::Caps::default()), Box::new(traffic::Shape)];
    if plan.foes.is_empty() {
        checks.push(Box::new(mdns::Polite::default()));
    }
    checks
}

/// What happens in time; in twice the time where somebody means ill.
pub(super) fn live() -> Vec<Box<dyn Check>> {
    vec![
        Box::new(meet::Meet::default()),
        Box::new(reach::Reach::default()),
        Box::new(agree::Agree::default()),
        Box::new(leave::Leave::default()),
    ]
}

/// The name under which a promise about quiet hosts is broken: by itself; while others are not quiet (L7); or with
/// hostile peers about, who get twice the time (L8).
fn name_of(truth: &super::Truth, alone: &'static str) -> &'static str {
    if truth.bounds.patience > 1 {
        "L8"
    } else if truth.is_anything_broken() {
        "L7"
    } else {
        alone
    }
}
