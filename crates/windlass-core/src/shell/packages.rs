//! Calls of package managers.

mod tables;

use self::tables::{action, options_with_value};
use super::calls::{Call, is_flag, operands};
use super::{ShellWord, Simple};

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// apt-get
    AptGet,
    /// apt
    Apt,
    /// aptitude
    Aptitude,
    /// apk
    Apk,
    /// yum
    Yum,
    /// dnf
    Dnf,
    /// microdnf and tdnf
    Microdnf,
    /// zypper
    Zypper,
    /// pip, also as `python -m pip` and `uv pip`
    Pip,
    /// npm
    Npm,
    /// yarn
    Yarn,
    /// pnpm
    Pnpm,
    /// go
    Go,
    /// gem
    Gem,
    /// bundle
    Bundle,
    /// cargo
    Cargo,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Installs packages, or the dependencies of a project where it names none.
    Install,
    /// `npm ci` and its like: exactly what the lock file says.
    InstallLocked,
    /// Fetches the lists of packages.
    Update,
    /// Brings installed packages up to date.
    Upgrade,
    /// Brings the whole system to another release.
    DistUpgrade,
    /// Removes packages.
    Remove,
    /// Empties the cache.
    Clean,
    /// Drops development dependencies.
    Prune,
    /// Fetches dependencies and installs nothing: `go mod download`, `cargo fetch`.
    Fetch,
    /// Anything else.
    Other,
}

/// A call of a package manager.
#[derive(Debug, Clone)]
pub struct PackageCall<'a> {
    /// Which one.
    pub manager: Manager,
    /// What it does.
    pub action: Action,
    /// The word of the subcommand; that of the program where there is none.
    pub verb: &'a ShellWord,
    /// The packages.
    pub packages: Vec<&'a ShellWord>,
    /// The arguments behind the program, flags and subcommand included.
    pub arguments: &'a [ShellWord],
    /// The program.
    pub call: Call<'a>,
}

impl PackageCall<'_> {
    /// Whether one of the flags is given.
    pub fn has_flag(&self, flags: &[&str]) -> bool {
        self.arguments.iter().any(|it| is_flag(&it.text, flags))
    }
}

impl Manager {
    /// Whether it is one of apt's front ends.
    pub fn is_apt(self) -> bool {
        matches!(self, Self::AptGet | Self::Apt | Self::Aptitude)
    }

    /// Whether it is yum or one of its successors.
    pub fn is_yum(self) -> bool {
        matches!(self, Self::Yum | Self::Dnf | Self::Microdnf)
    }

    /// Whether it installs packages of the operating system.
    pub fn is_system(self) -> bool {
        self.is_apt() || self.is_yum() || matches!(self, Self::Apk | Self::Zypper)
    }
}

/// Reads a call of a package manager.
pub fn package_call(simple: &Simple) -> Option<PackageCall<'_>> {
    let call = simple.call()?;
    let (manager, arguments) = manager(&call)?;
    let words = operands(arguments, &options_with_value(manager));
    let verb = words.first().copied().unwrap_or(call.word);
    let (action, used) = action(manager, &words);
    let packages = words.into_iter().skip(used).collect();
    Some(PackageCall {
        manager,
        action,
        verb,
        packages,
        arguments,
        call,
    })
}

fn manager<'a>(call: &Call<'a>) -> Option<(Manager, &'a [ShellWord])> {
    let found = match call.name {
        "apt-get" => Manager::AptGet,
        "apt" => Manager::Apt,
        "aptitude" => Manager::Aptitude,
        "apk" => Manager::Apk,
        "yum" => Manager::Yum,
        "dnf" | "dnf5" => Manager::Dnf,
        "microdnf" | "tdnf" => Manager::Microdnf,
        "zypper" => Manager::Zypper,
        "npm" => Manager::Npm,
        "yarn" | "yarnpkg" => Manager::Yarn,
        "pnpm" => Manager::Pnpm,
        "go" => Manager::Go,
        "gem" => Manager::Gem,
        "bundle" | "bundler" => Manager::Bundle,
        "cargo" => Manager::Cargo,
        name if is_versioned(name, "pip") => Manager::Pip,
        name if is_versioned(name, "python") || name == "pypy3" => {
            let at = call.arguments.iter().position(|it| it.text == "-m")?;
            let module = call.arguments.get(at + 1)?;
            let pip = module.text == "pip";
            return pip.then(|| (Manager::Pip, &call.arguments[at + 2..]));
        }
        "uv" => {
            let pip = call.arguments.first().is_some_and(|it| it.text == "pip");
            return pip.then(|| (Manager::Pip, &call.arguments[1..]));
        }
        "corepack" => {
            let (first, rest) = call.arguments.split_first()?;
            return match first.text.as_str() {
                "yarn" => Some((Manager::Yarn, rest)),
                "pnpm" => Some((Manager::Pnpm, rest)),
                "npm" => Some((Manager::Npm, rest)),
                _ => None,
            };
        }
        _ => return None,
    };
    Some((found, call.arguments))
}

/// `pip`, `pip3`, `pip3.12`.
fn is_versioned(name: &str, program: &str) -> bool {
    name.strip_prefix(program)
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}
