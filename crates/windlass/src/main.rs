//! windlass.

#[expect(dead_code, reason = "the commands that call it come next")]
mod progress;

fn main() {}
