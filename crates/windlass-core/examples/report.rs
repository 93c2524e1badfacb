//! Turns the JSON of a plan (standard input) into its page (standard output): for looking at the view while working on it.

use std::io::{Read as _, Write as _};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut json = String::new();
    std::io::stdin().read_to_string(&mut json)?;
    let report = serde_json::from_str(&json)?;
    let page = windlass_core::report::render_html(&report);
    std::io::stdout().write_all(page.as_bytes())?;
    Ok(())
}
