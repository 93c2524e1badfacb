//! Single random edits of a case.

use crate::random::Random;
use crate::recipe::{Case, IGNORE_LINES};
use crate::tree::{FILES, FOLDERS, LINKS, Node, random_file};

/// A case with one thing changed.
pub(crate) struct Edit {
    pub(crate) kind: &'static str,
    pub(crate) what: String,
    pub(crate) case: Case,
}

/// Changes one thing; tries until something could be changed.
pub(crate) fn edit(case: &Case, random: &mut Random) -> Edit {
    loop {
        let mut edited = case.clone();
        let (kind, what) = match random.below(14) {
            0..=3 => ("content", content(&mut edited, random)),
            4 => ("mode", mode(&mut edited, random)),
            5 | 6 => ("add", add(&mut edited, random)),
            7 | 8 => ("remove", remove(&mut edited, random)),
            9 => ("link", link(&mut edited, random)),
            10 => ("kind", kind_of(&mut edited, random)),
            11 => ("ignore", Some(ignore(&mut edited, random))),
            12 => ("Dockerfile", dockerfile(&mut edited, random)),
            _ => ("arg or stage", outside(&mut edited, random)),
        };
        if let Some(what) = what {
            return Edit {
                kind,
                what,
                case: edited,
            };
        }
    }
}

fn any(case: &Case, random: &mut Random, wanted: fn(&Node) -> bool) -> Option<String> {
    let paths: Vec<&String> = case
        .tree
        .iter()
        .filter(|(_, node)| wanted(node))
        .map(|(path, _)| path)
        .collect();
    (!paths.is_empty()).then(|| (*random.pick(&paths)).clone())
}

fn content(case: &mut Case, random: &mut Random) -> Option<String> {
    let path = any(case, random, |node| matches!(node, Node::File { .. }))?;
    let Some(Node::File { text, .. }) = case.tree.get_mut(&path) else {
        return None;
    };
    if random.chance(50) {
        // Of equal size: only the content tells.
        *text = text.chars().rev().collect();
    } else {
        text.push_str("more\n");
    }
    Some(path)
}

fn mode(case: &mut Case, random: &mut Random) -> Option<String> {
    let path = any(case, random, |node| matches!(node, Node::File { .. }))?;
    if let Some(Node::File { executable, .. }) = case.tree.get_mut(&path) {
        *executable = !*executable;
    }
    Some(path)
}

fn add(case: &mut Case, random: &mut Random) -> Option<String> {
    let extra = ["src/new.c", "new.md", "data/9.bin", "conf/b.yml", "fresh/x"];
    let path = match random.below(3) {
        0 => *random.pick(FOLDERS),
        1 => *random.pick(FILES),
        _ => *random.pick(&extra),
    };
    if case.tree.contains_key(path) {
        return None;
    }
    let node = if FOLDERS.contains(&path) {
        Node::Folder
    } else {
        random_file(path, random)
    };
    case.tree.insert(path.to_owned(), node);
    Some(path.to_owned())
}

fn remove(case: &mut Case, random: &mut Random) -> Option<String> {
    let path = any(case, random, |_| true)?;
    case.tree.remove(&path);
    Some(path)
}

fn link(case: &mut Case, random: &mut Random) -> Option<String> {
    let (path, target) = *random.pick(LINKS);
    let other = *random.pick(&["conf", "data/2.bin", "../src", target]);
    let node = Node::Link(other);
    if case.tree.get(path) == Some(&node) {
        return None;
    }
    case.tree.insert(path.to_owned(), node);
    Some(format!("{path} -> {other}"))
}

/// Puts a link where a file was, or a file where a link was.
fn kind_of(case: &mut Case, random: &mut Random) -> Option<String> {
    let path = any(case, random, |node| !matches!(node, Node::Folder))?;
    let node = match case.tree.get(&path)? {
        Node::Link(_) => random_file(&path, random),
        _ => Node::Link("Makefile"),
    };
    case.tree.insert(path.clone(), node);
    Some(path)
}

fn ignore(case: &mut Case, random: &mut Random) -> String {
    let line = *random.pick(IGNORE_LINES);
    if case.ignore.contains(line) {
        case.ignore = case.ignore.replace(&format!("{line}\n"), "");
        format!("-{line}")
    } else {
        case.ignore.push_str(line);
        case.ignore.push('\n');
        format!("+{line}")
    }
}

fn dockerfile(case: &mut Case, random: &mut Random) -> Option<String> {
    let line = *random.pick(&[
        "# a comment",
        "LABEL new=1",
        "ENV NEW=1",
        "COPY README.md /new/",
        "",
    ]);
    let end = case.dockerfile.match_indices('\n').nth(random.below(4));
    let (at, _) = end?;
    case.dockerfile.insert_str(at + 1, &format!("{line}\n"));
    Some(line.to_owned())
}

fn outside(case: &mut Case, random: &mut Random) -> Option<String> {
    match random.below(3) {
        0 => {
            let value = (*random.pick(&["src", "conf", "data"])).to_owned();
            let what = format!("DIR={value}");
            (case.args.insert("DIR", value.clone()) != Some(value)).then_some(what)
        }
        1 => {
            let value = random.below(100).to_string();
            let what = format!("UNUSED={value}");
            (case.args.insert("UNUSED", value.clone()) != Some(value)).then_some(what)
        }
        _ => {
            let stage = Some("s0".to_owned());
            if case.stage == stage {
                return None;
            }
            case.stage = stage;
            Some("stage s0".to_owned())
        }
    }
}
