//! What the long runs prove (`cargo xtask prove`), here in short: killed applies, two applies at once, random worlds, a shaky line,
//! a thousand repositories. Each takes its size from the environment and writes its figures where it is told.

#[path = "common/mod.rs"]
mod common;
#[path = "proofs/doubles.rs"]
mod doubles;
#[path = "proofs/faults.rs"]
mod faults;
#[path = "proofs/harbour.rs"]
mod harbour;
#[path = "proofs/kills.rs"]
mod kills;
#[path = "proofs/rounds.rs"]
mod rounds;
#[path = "proofs/scale.rs"]
mod scale;
#[path = "proofs/worlds.rs"]
mod worlds;
