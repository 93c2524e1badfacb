//! Chromium, run on a page of ours, and what a script leaves in it. Both test packages use it.
//!
//! It is run where `WINDLASS_TEST_SERVICES` names `browser`: Chromium is `WINDLASS_TEST_CHROMIUM`, axe-core's script `WINDLASS_TEST_AXE`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a browser may take for one page, its own start included.
const PATIENCE: Duration = Duration::from_mins(4);

/// Says whether a browser is to be used; a test of it ends early otherwise.
pub(crate) fn has_browser() -> bool {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    services.split(',').any(|name| name == "browser")
}

/// Returns a variable of the test bed.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("`cargo xtask test` sets {name}"))
}

/// A browser with a profile of its own for each page.
pub(crate) struct Browser {
    folder: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Loads a page and returns its document as it then stands.
    pub(crate) fn load(&self, name: &str, page: &str, flags: &[&str]) -> String {
        let path = self.folder.path().join(format!("{name}.html"));
        std::fs::write(&path, page).expect("written");
        self.run(&path, name, flags)
    }

    fn run(&self, path: &Path, name: &str, flags: &[&str]) -> String {
        let out = self.folder.path().join(format!("{name}.out"));
        let file = std::fs::File::create(&out).expect("a file");
        let mut child = Command::new(variable("WINDLASS_TEST_CHROMIUM"))
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--dump-dom",
            ])
            .arg(format!(
                "--user-data-dir={}",
                self.folder.path().join(format!("{name}.profile")).display()
            ))
            .args(flags)
            .arg(format!("file://{}", path.display()))
            .stdout(file)
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        let begun = Instant::now();
        while child.try_wait().expect("it can be waited for").is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill().expect("it can be ended");
                panic!("Chromium did not end in {PATIENCE:?}");
            }
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(20));
        }
        std::fs::read_to_string(&out).expect("the document")
    }
}

/// Adds a script to a page, and takes its policy away so that the script may run.
pub(crate) fn with_script(page: &str, script: &str) -> String {
    let start = page
        .find("<meta http-equiv=\"Content-Security-Policy\"")
        .expect("a policy");
    let end = start + page[start..].find('>').expect("its end") + 1;
    let page = format!("{}{}", &page[..start], &page[end..]);
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

/// Returns the JSON that a script left in the document.
pub(crate) fn left(document: &str) -> Value {
    let (_, rest) = document
        .split_once("<pre id=\"left\">")
        .expect("the script ran to its end");
    let (text, _) = rest.split_once("</pre>").expect("an end");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&text).expect("JSON")
}

/// Puts a value into the document, for [`left`].
pub(crate) const LEAVE: &str = "const leave = (value) => { const it = document.createElement('pre'); it.id = 'left'; it.textContent = JSON.stringify(value); document.body.append(it); };";

/// Has axe-core look at a page in a theme, with everything unfolded; returns what it objects to.
pub(crate) fn objections(browser: &Browser, name: &str, page: &str, theme: &str) -> Value {
    let axe = std::fs::read_to_string(variable("WINDLASS_TEST_AXE")).expect("axe-core");
    let script = format!(
        "document.documentElement.dataset.theme = '{theme}'; document.getElementById('open-all')?.click(); {LEAVE} {axe};\n\
         axe.run(document, {{ resultTypes: ['violations'] }}).then((found) => leave(found.violations.map((it) => \
         [it.impact, it.id, it.nodes.length, it.nodes[0].html, it.nodes[0].failureSummary])));"
    );
    let page = with_script(page, &script.replace("</script", "<\\/script"));
    let name = format!("{name}-{theme}");
    left(&browser.load(&name, &page, &["--virtual-time-budget=30000"]))
}
