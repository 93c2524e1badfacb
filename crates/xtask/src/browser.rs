//! What looks at the HTML view: Debian's Chromium, which `packages` installs, and axe-core from the npm registry.

use crate::failure::{Failure, Outcome};
use crate::shell::{find_program, run_logged, timed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exact version.
const AXE: &str = "axe-core@4.14.1";

/// A browser and the script that judges pages in it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) chromium: PathBuf,
    /// axe-core, one file.
    pub(crate) axe: PathBuf,
}

/// Makes sure that both are there.
pub(crate) fn ensure(directory: &Path) -> Outcome<Browser> {
    let chromium =
        find_program("chromium").ok_or_else(|| Failure::new("Chromium is not installed"))?;
    let folder = directory.join("axe");
    let axe = folder.join("node_modules/axe-core/axe.min.js");
    let marker = folder.join("package");
    if fs::read_to_string(&marker).is_ok_and(|found| found == AXE) && axe.is_file() {
        return Ok(Browser { chromium, axe });
    }
    fs::create_dir_all(&folder)?;
    timed(AXE, || {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .arg(AXE);
        run_logged(&mut npm, &directory.join("logs/npm-axe.log"))
    })?;
    fs::write(&marker, AXE)?;
    Ok(Browser { chromium, axe })
}
