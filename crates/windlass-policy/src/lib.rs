//! Rules and policies: what windlass objects to, and what an organisation does.
//!
//! Pure and synchronous, as the core: texts, listings and dates are handed in. A rule is one file under `rules`, one line in its
//! list, and one page under `docs/rules` that says why and holds its cases (`docs/rules/README.md` says how to add one).

mod custom;
mod end_of_life;
pub mod evaluate;
pub mod facts;
pub mod fix;
pub mod force;
pub mod glob;
pub mod hit;
mod known;
pub mod mask;
pub mod output;
pub mod pack;
pub mod pragma;
pub mod rego;
mod rendered;
pub mod rule;
pub mod rules;
pub mod shipped;
pub mod subject;
mod waive;
pub mod waiver;
