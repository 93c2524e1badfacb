//! Calls of package managers.

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

    /// The options whose value is a word of its own.
    fn valued(self) -> &'static [&'static str] {
        match self {
            Self::AptGet | Self::Apt | Self::Aptitude => &[
                "-o",
                "-t",
                "-c",
                "--option",
                "--target-release",
                "--config-file",
            ],
            Self::Apk => &[
                "-t",
                "--virtual",
                "-X",
                "--repository",
                "-p",
                "--root",
                "--arch",
                "--keys-dir",
                "--cache-dir",
                "--repositories-file",
                "--wait",
            ],
            Self::Yum | Self::Dnf | Self::Microdnf => &[
                "-c",
                "-d",
                "-e",
                "-x",
                "--config",
                "--enablerepo",
                "--disablerepo",
                "--installroot",
                "--releasever",
                "--setopt",
                "--exclude",
                "--repo",
                "--repoid",
            ],
            Self::Zypper => &["-r", "--repo", "--root", "--from", "-t", "--type", "-c"],
            Self::Pip => &[
                "-r",
                "-c",
                "-e",
                "-i",
                "-f",
                "-t",
                "-d",
                "-w",
                "-b",
                "--requirement",
                "--constraint",
                "--editable",
                "--index-url",
                "--extra-index-url",
                "--find-links",
                "--target",
                "--prefix",
                "--root",
                "--trusted-host",
                "--cache-dir",
                "--platform",
                "--python-version",
                "--proxy",
                "--retries",
                "--timeout",
                "--only-binary",
                "--no-binary",
                "--progress-bar",
                "--src",
                "--dest",
                "--wheel-dir",
                "--python",
                "--log",
                "--cert",
                "--client-cert",
                "--upgrade-strategy",
                "--implementation",
                "--abi",
                "--config-settings",
                "--group",
            ],
            Self::Npm | Self::Pnpm => &[
                "--prefix",
                "--registry",
                "--cache",
                "--loglevel",
                "-C",
                "--dir",
                "-w",
                "--workspace",
                "--omit",
                "--include",
                "--only",
                "--userconfig",
                "--filter",
                "--fetch-retries",
                "--fetch-timeout",
                "--network-timeout",
                "--store-dir",
                "--maxsockets",
                "--tag",
            ],
            Self::Yarn => &[
                "--cwd",
                "--registry",
                "--cache-folder",
                "--network-timeout",
                "--modules-folder",
                "--mutex",
                "--network-concurrency",
                "--prefix",
            ],
            Self::Go => &[
                "-ldflags", "-tags", "-o", "-mod", "-modfile", "-p", "-C", "-gcflags",
            ],
            Self::Gem | Self::Bundle => &[
                "-v",
                "--version",
                "-i",
                "--install-dir",
                "-n",
                "--bindir",
                "-s",
                "--source",
                "-P",
                "--jobs",
                "-j",
                "--retry",
                "--path",
                "--without",
                "--gemfile",
                "--with",
            ],
            Self::Cargo => &[
                "--version",
                "--vers",
                "--git",
                "--branch",
                "--tag",
                "--rev",
                "--path",
                "--root",
                "--features",
                "-F",
                "--target",
                "--target-dir",
                "--profile",
                "-p",
                "--package",
                "--manifest-path",
                "--bin",
                "--registry",
                "--index",
                "-j",
                "--jobs",
                "--config",
                "-Z",
            ],
        }
    }
}

/// Reads a call of a package manager.
pub fn package_call(simple: &Simple) -> Option<PackageCall<'_>> {
    let call = simple.call()?;
    let (manager, arguments) = manager(&call)?;
    let words = operands(arguments, manager.valued());
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

/// Returns what the words do, and how many of them are the subcommand.
fn action(manager: Manager, words: &[&ShellWord]) -> (Action, usize) {
    let word = |at: usize| words.get(at).map_or("", |it| it.text.as_str());
    let first = word(0);
    let found = match manager {
        Manager::AptGet | Manager::Apt | Manager::Aptitude => match first {
            "install" | "reinstall" | "build-dep" => Action::Install,
            "update" => Action::Update,
            "upgrade" | "safe-upgrade" => Action::Upgrade,
            "dist-upgrade" | "full-upgrade" => Action::DistUpgrade,
            "remove" | "purge" | "autoremove" | "autopurge" => Action::Remove,
            "clean" | "autoclean" | "distclean" => Action::Clean,
            _ => Action::Other,
        },
        Manager::Apk => match first {
            "add" => Action::Install,
            "update" => Action::Update,
            "upgrade" => Action::Upgrade,
            "del" => Action::Remove,
            "cache" => Action::Clean,
            _ => Action::Other,
        },
        Manager::Yum | Manager::Dnf | Manager::Microdnf => match first {
            "install" | "localinstall" | "groupinstall" | "reinstall" | "builddep" => {
                Action::Install
            }
            "makecache" | "check-update" => Action::Update,
            "update" | "upgrade" => Action::Upgrade,
            "distro-sync" | "system-upgrade" => Action::DistUpgrade,
            "remove" | "erase" | "autoremove" => Action::Remove,
            "clean" => Action::Clean,
            _ => Action::Other,
        },
        Manager::Zypper => match first {
            "install" | "in" | "source-install" | "si" => Action::Install,
            "refresh" | "ref" => Action::Update,
            "update" | "up" | "patch" => Action::Upgrade,
            "dist-upgrade" | "dup" => Action::DistUpgrade,
            "remove" | "rm" => Action::Remove,
            "clean" | "cc" => Action::Clean,
            _ => Action::Other,
        },
        Manager::Pip => match first {
            "install" => Action::Install,
            "sync" => Action::InstallLocked,
            "download" | "wheel" => Action::Fetch,
            "uninstall" => Action::Remove,
            "cache" => Action::Clean,
            _ => Action::Other,
        },
        Manager::Npm => match first {
            "install" | "i" | "add" | "in" | "ins" => Action::Install,
            "ci" | "clean-install" | "install-clean" => Action::InstallLocked,
            "update" | "up" | "upgrade" => Action::Upgrade,
            "uninstall" | "rm" | "remove" | "un" => Action::Remove,
            "cache" => Action::Clean,
            "prune" => Action::Prune,
            _ => Action::Other,
        },
        Manager::Yarn => match (first, word(1)) {
            ("" | "install" | "add", _) => Action::Install,
            ("global", "add") => return (Action::Install, 2),
            ("workspaces", "focus") => return (Action::InstallLocked, 2),
            ("upgrade" | "up", _) => Action::Upgrade,
            ("remove", _) => Action::Remove,
            ("cache", _) => Action::Clean,
            _ => Action::Other,
        },
        Manager::Pnpm => match first {
            "install" | "i" | "add" => Action::Install,
            "fetch" => Action::Fetch,
            "deploy" => Action::InstallLocked,
            "update" | "up" => Action::Upgrade,
            "remove" | "rm" => Action::Remove,
            "store" => Action::Clean,
            "prune" => Action::Prune,
            _ => Action::Other,
        },
        Manager::Go => match (first, word(1)) {
            ("install" | "get", _) => Action::Install,
            ("mod", "download" | "tidy" | "vendor" | "verify") => return (Action::Fetch, 2),
            ("clean", _) => Action::Clean,
            _ => Action::Other,
        },
        Manager::Gem | Manager::Bundle => match first {
            "install" => Action::Install,
            "" if manager == Manager::Bundle => Action::Install,
            "update" => Action::Upgrade,
            "uninstall" => Action::Remove,
            "cleanup" | "clean" => Action::Clean,
            _ => Action::Other,
        },
        Manager::Cargo => match first {
            "install" | "binstall" => Action::Install,
            "fetch" | "vendor" => Action::Fetch,
            "uninstall" => Action::Remove,
            _ => Action::Other,
        },
    };
    (found, usize::from(!first.is_empty()))
}
