//! What installs dependencies: uv and Poetry beside pip, pnpm and Yarn beside npm.
//!
//! Tools are pinned, since the text of a major is frozen; a parameter takes another version.

use minijinja::context;

use super::quote;

const UV: &str = "0.13.9";
const POETRY: &str = "2.5.1";
/// The part of Poetry that writes requirements; it follows Poetry 2.
const POETRY_EXPORT: &str = "poetry-plugin-export==1.10.1";
const PNPM: &str = "10.34.9";
const YARN: &str = "1.22.22";

/// How the file that `dependencies_from` names becomes requirements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Export {
    from: String,
    version: Option<String>,
}

impl Export {
    pub(super) fn new(from: String, version: Option<String>) -> Self {
        Self { from, version }
    }

    /// Returns the files that it reads.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = vec!["pyproject.toml".to_owned()];
        if self.from != "pyproject.toml" {
            files.push(self.from.clone());
        }
        files
    }

    pub(super) fn facts(&self) -> minijinja::Value {
        let version = |own: &str| self.version.clone().unwrap_or_else(|| own.to_owned());
        let (tool, command) = match self.from.as_str() {
            "poetry.lock" => (
                format!("poetry=={} {POETRY_EXPORT}", version(POETRY)),
                "poetry export --output requirements.txt",
            ),
            "uv.lock" => (
                format!("uv=={}", version(UV)),
                "uv export --frozen --no-default-groups --no-emit-project --output-file requirements.txt",
            ),
            _ => (
                format!("uv=={}", version(UV)),
                "uv pip compile --system-certs pyproject.toml --output-file requirements.txt",
            ),
        };
        context! { from => self.from.clone(), files => self.files().join(" "), tool, command }
    }
}

/// What installs the dependencies of a Node.js application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Npm,
    Pnpm,
    Yarn,
    /// Yarn 2 and later.
    Berry,
}

/// The installation of a Node.js application, or of one member of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeInstall {
    manager: Manager,
    version: String,
    /// The member's folder.
    workspace: Option<String>,
}

impl NodeInstall {
    pub(super) fn new(manager: &str, version: Option<String>, workspace: Option<String>) -> Self {
        let is_classic = |version: &str| version.split('.').next() == Some("1");
        let (manager, version) = match (manager, version) {
            ("pnpm", version) => (Manager::Pnpm, version.unwrap_or_else(|| PNPM.to_owned())),
            ("yarn", Some(version)) if !is_classic(&version) => (Manager::Berry, version),
            ("yarn", version) => (Manager::Yarn, version.unwrap_or_else(|| YARN.to_owned())),
            _ => (Manager::Npm, String::new()),
        };
        Self {
            manager,
            version,
            workspace,
        }
    }

    /// Says whether it is a Yarn that cannot leave development dependencies out without a plug-in.
    pub(super) fn is_without_focus(&self) -> bool {
        let major = self.version.split('.').next().unwrap_or_default();
        self.manager == Manager::Berry && matches!(major, "2" | "3")
    }

    /// Returns the package files that are copied where no parameter says which.
    pub(super) fn package_files(&self) -> &'static [&'static str] {
        match self.manager {
            Manager::Npm => &["package*.json"],
            Manager::Pnpm => &["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml*"],
            Manager::Yarn => &["package.json", "yarn.lock"],
            Manager::Berry => &["package.json", "yarn.lock", ".yarnrc.yml*"],
        }
    }

    /// Returns the files that must be there.
    pub(super) fn expects(&self) -> [String; 2] {
        let lock = match self.manager {
            Manager::Npm => "package-lock.json",
            Manager::Pnpm => "pnpm-lock.yaml",
            Manager::Yarn | Manager::Berry => "yarn.lock",
        };
        ["package.json".to_owned(), lock.to_owned()]
    }

    /// Says whether the package files have to be let through the ignore list: it holds back what may hold tokens.
    pub(super) fn lets_through(&self) -> bool {
        self.manager == Manager::Berry
    }

    pub(super) fn facts(&self) -> minijinja::Value {
        let steps = |steps: Vec<String>| steps.join(" && \\\n    ");
        let with_tool = |own: Vec<String>| steps(self.tool().into_iter().chain(own).collect());
        context! {
            install => with_tool(self.production()),
            install_all => with_tool(vec![self.everything()]),
            prune => steps(self.prune()),
            berry => self.manager == Manager::Berry,
            workspace => self.workspace.clone(),
        }
    }

    fn tool(&self) -> Option<String> {
        let version = &self.version;
        // The official images bring a Yarn 1 of their own, which npm replaces only with `--force`.
        match self.manager {
            Manager::Npm => None,
            Manager::Pnpm => Some(format!("npm install --global pnpm@{version}")),
            Manager::Yarn => Some(format!("npm install --global --force yarn@{version}")),
            Manager::Berry => Some(format!(
                "npm install --global --force @yarnpkg/cli-dist@{version}"
            )),
        }
    }

    /// Returns the options that choose the member of a workspace.
    fn member(&self) -> String {
        match (self.manager, &self.workspace) {
            (_, None) | (Manager::Yarn, _) => String::new(),
            (Manager::Npm, Some(folder)) => format!(
                " {} --include-workspace-root",
                quote::shell(&[format!("--workspace={folder}")])
            ),
            (Manager::Pnpm, Some(folder)) => format!(" \"--filter={{./{folder}}}...\""),
            (Manager::Berry, Some(folder)) => {
                format!(" --cwd {}", quote::shell(std::slice::from_ref(folder)))
            }
        }
    }

    fn focus(&self) -> String {
        format!("yarn{} workspaces focus --production", self.member())
    }

    fn production(&self) -> Vec<String> {
        let member = self.member();
        match self.manager {
            Manager::Npm => vec![format!("npm ci --omit=dev{member}")],
            Manager::Pnpm => vec![format!("pnpm install --frozen-lockfile --prod{member}")],
            Manager::Yarn => vec!["yarn install --frozen-lockfile --production".to_owned()],
            // `focus` does not compare with the lock file; what compares runs no scripts.
            Manager::Berry => vec![
                "yarn install --immutable --mode=skip-build".to_owned(),
                self.focus(),
            ],
        }
    }

    fn everything(&self) -> String {
        let member = self.member();
        match self.manager {
            Manager::Npm => format!("npm ci --include=dev{member}"),
            Manager::Pnpm => format!("pnpm install --frozen-lockfile{member}"),
            Manager::Yarn => "yarn install --frozen-lockfile --production=false".to_owned(),
            Manager::Berry => "yarn install --immutable".to_owned(),
        }
    }

    /// Returns what drops development dependencies after a build.
    fn prune(&self) -> Vec<String> {
        let member = self.member();
        match self.manager {
            Manager::Npm => vec![format!("npm prune --omit=dev{member}")],
            Manager::Pnpm => vec![
                "rm -rf node_modules".to_owned(),
                format!("CI=true pnpm install --frozen-lockfile --offline --prod{member}"),
            ],
            Manager::Yarn => vec![
                "yarn install --frozen-lockfile --production --ignore-scripts --prefer-offline"
                    .to_owned(),
            ],
            Manager::Berry => vec![self.focus()],
        }
    }
}
