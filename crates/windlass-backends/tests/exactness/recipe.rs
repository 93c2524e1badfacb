//! Cases: a Dockerfile with its context, ignore file, args and stage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::random::Random;
use crate::tree::{Node, Tree, level_times, random_tree, write};

/// Everything a build is made from.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) dockerfile: String,
    pub(crate) ignore: String,
    pub(crate) tree: Tree,
    /// Build args that are given from outside.
    pub(crate) args: BTreeMap<&'static str, String>,
    pub(crate) stage: Option<String>,
}

impl Case {
    pub(crate) fn random(random: &mut Random, base: &str) -> Self {
        let tree = random_tree(random);
        let mut args = BTreeMap::new();
        if random.chance(40) {
            args.insert("DIR", (*random.pick(&["src", "conf", "data"])).to_owned());
        }
        if random.chance(20) {
            args.insert("UNUSED", "1".to_owned());
        }
        let stages = 1 + random.below(3);
        let mut writer = Writer {
            random,
            tree: &tree,
            text: String::new(),
            base,
            held: Vec::new(),
        };
        for stage in 0..stages {
            writer.stage(stage);
        }
        let dockerfile = writer.text;
        let stage = random
            .chance(25)
            .then(|| format!("s{}", random.below(stages)));
        Self {
            dockerfile,
            ignore: random_ignore(random),
            tree,
            args,
            stage,
        }
    }

    /// Writes manifest, Dockerfile, ignore file and context.
    pub(crate) fn write(&self, folder: &Path) {
        let context = folder.join("context");
        write(&self.tree, &context);
        fs::write(context.join(".dockerignore"), &self.ignore).expect("an ignore file");
        fs::write(folder.join("Dockerfile"), &self.dockerfile).expect("a Dockerfile");
        level_times(&context);
    }

    /// Returns the manifest of a workspace with this image.
    pub(crate) fn manifest(&self) -> String {
        let mut text = "workspace \"prove\"\n\nregistry \"main\" {\n    account \"000000000000\"\n    region \"us-east-1\"\n}\n\nimage \"app\" {\n    target \"main\"\n    context \"context\"\n    dockerfile \"Dockerfile\"\n".to_owned();
        for (name, value) in &self.args {
            text.push_str("    arg ");
            text.push_str(name);
            text.push_str("=\"");
            text.push_str(value);
            text.push_str("\"\n");
        }
        if let Some(stage) = &self.stage {
            text.push_str("    stage \"");
            text.push_str(stage);
            text.push_str("\"\n");
        }
        text.push_str("}\n");
        text
    }
}

/// Lines that ignore something. Those with `!` bring back files whose folders are kept: the old client of Docker sends an ignored
/// folder, empty, where a `!` could bring something in it back.
pub(crate) const IGNORE_LINES: &[&str] = &[
    "*.md",
    "**/*.h\n!src/lib/v.h",
    "data",
    "conf/*.bak",
    ".env",
    "other/**",
    "src/lib/deep",
    "**/none",
    "link",
    "# nothing",
];

fn random_ignore(random: &mut Random) -> String {
    let mut text = String::new();
    for line in IGNORE_LINES {
        if random.chance(18) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

struct Writer<'a> {
    random: &'a mut Random,
    tree: &'a Tree,
    text: String,
    base: &'a str,
    /// For each stage the paths that its COPY lines made.
    held: Vec<Vec<String>>,
}

impl Writer<'_> {
    fn stage(&mut self, stage: usize) {
        let runs = self.random.chance(15);
        let from = if runs {
            self.base.to_owned()
        } else if stage > 0 && self.random.chance(30) {
            format!("s{}", self.random.below(stage))
        } else {
            "scratch".to_owned()
        };
        self.line(&format!("FROM {from} AS s{stage}"));
        self.held.push(Vec::new());
        if self.random.chance(25) {
            let line = *self.random.pick(&[
                "LABEL a=b",
                "ENV WHERE=conf",
                "WORKDIR /w",
                "ENTRYPOINT [\"/x\"]",
            ]);
            self.line(line);
        }
        for _ in 0..=self.random.below(3) {
            self.copy(stage);
        }
        if runs {
            self.run();
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn copy(&mut self, stage: usize) {
        let target = format!("/d{stage}.{}/", self.held[stage].len());
        self.held[stage].push(target.clone());
        let earlier = (stage > 0 && self.random.chance(30)).then(|| self.random.below(stage));
        if let Some(other) = earlier {
            let path = self.random.pick(&self.held[other]).clone();
            self.line(&format!("COPY --from=s{other} {path} {target}"));
            return;
        }
        let keyword = if self.random.chance(20) {
            "ADD"
        } else {
            "COPY"
        };
        if self.random.chance(20) {
            self.line("ARG DIR=src");
            let source = *self.random.pick(&["$DIR", "${DIR}/*", "./$DIR/"]);
            self.line(&format!("{keyword} {source} {target}"));
            return;
        }
        let source = self.source();
        if source.contains(' ') {
            self.line(&format!("{keyword} [\"{source}\", \"{target}\"]"));
            return;
        }
        let more = if self.random.chance(25) {
            format!(" {}", self.source())
        } else {
            String::new()
        };
        if more.matches(' ').count() > 1 {
            self.line(&format!("{keyword} {source} {target}"));
        } else {
            self.line(&format!("{keyword} {source}{more} {target}"));
        }
    }

    /// Returns something of the context: a file, a folder, a wildcard, a way through a link, or all of it.
    fn source(&mut self) -> String {
        if self.random.chance(45) {
            let wildcard = [
                ".",
                "*.md",
                "*",
                "src/*.c",
                "src/*/*.c",
                "s*c",
                "conf/[a-d]*.yml",
                "data/?.bin",
                "*/*.bin",
                "**/u.c",
                "./src/../conf/",
                "/src/lib",
                "link*",
                "other/*/",
            ];
            return (*self.random.pick(&wildcard)).to_owned();
        }
        let through = [
            "link/main.c",
            "abs/1.bin",
            "chain/u.c",
            "chain/*",
            "link/lib/",
        ];
        if self.random.chance(20) {
            return (*self.random.pick(&through)).to_owned();
        }
        let paths: Vec<&String> = self
            .tree
            .iter()
            .filter(|(_, node)| !matches!(node, Node::Link("nowhere")))
            .map(|(path, _)| path)
            .collect();
        let Some(path) = (!paths.is_empty()).then(|| *self.random.pick(&paths)) else {
            return ".".to_owned();
        };
        match path.rsplit_once('/') {
            Some((folder, _)) if self.random.chance(50) => folder.to_owned(),
            _ => path.clone(),
        }
    }

    fn run(&mut self) {
        let source = *self.random.pick(&[
            "",
            ",source=src",
            ",source=conf",
            ",src=link",
            ",source=data/sub",
        ]);
        self.line(&format!(
            "RUN --mount=type=bind{source},target=/mnt mkdir -p /w && cd /mnt && find . | LC_ALL=C sort > /w/list && find . -type f | LC_ALL=C sort | xargs -d '\\n' cat > /w/all && touch -d @0 /w/list /w/all /w"
        ));
    }
}
