//! What package managers call what they do, and which of their options take a word.

use super::{Action, Manager};
use crate::shell::ShellWord;

use Action::{
    Clean, DistUpgrade, Fetch, Install, InstallLocked, Other, Prune, Remove, Update, Upgrade,
};

/// Subcommands with what they do; one of two words has a `+` between them.
type Verbs = &'static [(&'static str, Action)];

const APT: Verbs = &[
    ("install reinstall build-dep", Install),
    ("update", Update),
    ("upgrade safe-upgrade", Upgrade),
    ("dist-upgrade full-upgrade", DistUpgrade),
    ("remove purge autoremove autopurge", Remove),
    ("clean autoclean distclean", Clean),
];
const APK: Verbs = &[
    ("add", Install),
    ("update", Update),
    ("upgrade", Upgrade),
    ("del", Remove),
    ("cache", Clean),
];
const YUM: Verbs = &[
    (
        "install localinstall groupinstall reinstall builddep",
        Install,
    ),
    ("makecache check-update", Update),
    ("update upgrade", Upgrade),
    ("distro-sync system-upgrade", DistUpgrade),
    ("remove erase autoremove", Remove),
    ("clean", Clean),
];
const ZYPPER: Verbs = &[
    ("install in source-install si", Install),
    ("refresh ref", Update),
    ("update up patch", Upgrade),
    ("dist-upgrade dup", DistUpgrade),
    ("remove rm", Remove),
    ("clean cc", Clean),
];
const PIP: Verbs = &[
    ("install", Install),
    ("sync", InstallLocked),
    ("download wheel", Fetch),
    ("uninstall", Remove),
    ("cache", Clean),
];
const NPM: Verbs = &[
    ("install i add in ins", Install),
    ("ci clean-install install-clean", InstallLocked),
    ("update up upgrade", Upgrade),
    ("uninstall rm remove un", Remove),
    ("cache", Clean),
    ("prune", Prune),
];
const YARN: Verbs = &[
    ("install add global+add", Install),
    ("workspaces+focus", InstallLocked),
    ("upgrade up", Upgrade),
    ("remove", Remove),
    ("cache", Clean),
];
const PNPM: Verbs = &[
    ("install i add", Install),
    ("fetch", Fetch),
    ("deploy", InstallLocked),
    ("update up", Upgrade),
    ("remove rm", Remove),
    ("store", Clean),
    ("prune", Prune),
];
const GO: Verbs = &[
    ("install get", Install),
    ("mod+download mod+tidy mod+vendor mod+verify", Fetch),
    ("clean", Clean),
];
const GEM: Verbs = &[
    ("install", Install),
    ("update", Upgrade),
    ("uninstall", Remove),
    ("cleanup clean", Clean),
];
const CARGO: Verbs = &[
    ("install binstall", Install),
    ("fetch vendor", Fetch),
    ("uninstall", Remove),
];

/// Returns what the words do, and how many of them are the subcommand.
pub(super) fn action(manager: Manager, words: &[&ShellWord]) -> (Action, usize) {
    let word = |at: usize| words.get(at).map(|it| it.text.as_str());
    let Some(first) = word(0) else {
        // Alone they install what the project needs.
        let installs = matches!(manager, Manager::Yarn | Manager::Bundle);
        return (if installs { Install } else { Other }, 0);
    };
    for (names, action) in verbs(manager) {
        for name in names.split(' ') {
            match name.split_once('+') {
                None if name == first => return (*action, 1),
                Some((one, two)) if one == first && word(1) == Some(two) => return (*action, 2),
                _ => {}
            }
        }
    }
    (Other, usize::from(!first.is_empty()))
}

fn verbs(manager: Manager) -> Verbs {
    match manager {
        Manager::AptGet | Manager::Apt | Manager::Aptitude => APT,
        Manager::Apk => APK,
        Manager::Yum | Manager::Dnf | Manager::Microdnf => YUM,
        Manager::Zypper => ZYPPER,
        Manager::Pip => PIP,
        Manager::Npm => NPM,
        Manager::Yarn => YARN,
        Manager::Pnpm => PNPM,
        Manager::Go => GO,
        Manager::Gem | Manager::Bundle => GEM,
        Manager::Cargo => CARGO,
    }
}

const APT_VALUED: &str = "-o -t -c --option --target-release --config-file";
const APK_VALUED: &str = "-t --virtual -X --repository -p --root --arch --keys-dir --cache-dir --repositories-file --wait";
const YUM_VALUED: &str = "-c -d -e -x --config --enablerepo --disablerepo --installroot --releasever --setopt --exclude --repo \
    --repoid";
const ZYPPER_VALUED: &str = "-r --repo --root --from -t --type -c";
const PIP_VALUED: &str = "-r -c -e -i -f -t -d -w -b --requirement --constraint --editable --index-url --extra-index-url \
    --find-links --target --prefix --root --trusted-host --cache-dir --platform --python-version --proxy \
    --retries --timeout --only-binary --no-binary --progress-bar --src --dest --wheel-dir --python --log \
    --cert --client-cert --upgrade-strategy --implementation --abi --config-settings --group";
const NPM_VALUED: &str = "--prefix --registry --cache --loglevel -C --dir -w --workspace --omit --include --only --userconfig \
    --filter --fetch-retries --fetch-timeout --network-timeout --store-dir --maxsockets --tag";
const YARN_VALUED: &str = "--cwd --registry --cache-folder --network-timeout --modules-folder --mutex --network-concurrency \
    --prefix";
const GO_VALUED: &str = "-ldflags -tags -o -mod -modfile -p -C -gcflags";
const GEM_VALUED: &str = "-v --version -i --install-dir -n --bindir -s --source -P --jobs -j --retry --path --without \
    --gemfile --with";
const CARGO_VALUED: &str = "--version --vers --git --branch --tag --rev --path --root --features -F --target --target-dir \
    --profile -p --package --manifest-path --bin --registry --index -j --jobs --config -Z";

/// Returns the options whose value is a word of its own.
pub(super) fn options_with_value(manager: Manager) -> Vec<&'static str> {
    let options = match manager {
        Manager::AptGet | Manager::Apt | Manager::Aptitude => APT_VALUED,
        Manager::Apk => APK_VALUED,
        Manager::Yum | Manager::Dnf | Manager::Microdnf => YUM_VALUED,
        Manager::Zypper => ZYPPER_VALUED,
        Manager::Pip => PIP_VALUED,
        Manager::Npm | Manager::Pnpm => NPM_VALUED,
        Manager::Yarn => YARN_VALUED,
        Manager::Go => GO_VALUED,
        Manager::Gem | Manager::Bundle => GEM_VALUED,
        Manager::Cargo => CARGO_VALUED,
    };
    options.split(' ').collect()
}
