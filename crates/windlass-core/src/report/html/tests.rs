use super::*;
use crate::plan::Plan;
use crate::report::wire::{
    Change, Context, Dockerfile, Finding, Header, Image, Reason, ReasonKind, Target,
};

/// What stands in every text of [`hostile`]: it would run, close something, or hide.
const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}&amp;]]>-->";

fn empty(name: &str) -> Report {
    let plan = Plan {
        workspace: name.to_owned(),
        environment: Some(name.to_owned()),
        git_sha: Some(name.to_owned()),
        builder: Some(name.to_owned()),
        registries: Vec::new(),
        variables: Vec::new(),
        bases: Vec::new(),
        images: Vec::new(),
        repositories: Vec::new(),
        notes: vec![name.to_owned()],
        refusals: Vec::new(),
        guards: Vec::new(),
        engine: None,
        policy: crate::plan::PolicyRecord::default(),
    };
    let header = Header {
        windlass_version: name.to_owned(),
        created_at: name.to_owned(),
        environment_variables: vec![name.to_owned()],
    };
    Report::new(&plan, &header, &[])
}

fn reason(text: &str) -> Reason {
    Reason {
        kind: ReasonKind::InputsChanged,
        message: text.to_owned(),
        help: Some(text.to_owned()),
        repository: None,
        tag: None,
        digest: None,
        image: None,
        changes: Some(vec![
            Change::FileAdded {
                path: text.to_owned(),
            },
            Change::ValueChanged {
                name: text.to_owned(),
                before: Some(text.to_owned()),
                after: None,
            },
        ]),
        folders: None,
    }
}

fn finding(text: &str, line: Option<usize>) -> Finding {
    Finding {
        rule: text.to_owned(),
        level: Level::Deny,
        address: Some(format!("image.{text}")),
        file: Some(text.to_owned()),
        line,
        column: line,
        end_line: line,
        end_column: line,
        message: text.to_owned(),
        help: Some(text.to_owned()),
        aliases: Vec::new(),
        waived_by: Some(text.to_owned()),
        finding_id: text.to_owned(),
    }
}

fn image(text: &str, before: Option<&str>, after: &str) -> Image {
    Image {
        address: format!("image.{text}"),
        declared: None,
        action: ImageAction::Build,
        reasons: vec![reason(text)],
        fingerprint: Some(text.to_owned()),
        platforms: vec![text.to_owned()],
        context: Some(Context {
            path: text.to_owned(),
            files: 1,
            bytes: 1,
        }),
        dockerfile: Dockerfile {
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
        },
        needs: vec![text.to_owned()],
        bases: vec![text.to_owned()],
        built_at: None,
        local_image: Some(text.to_owned()),
        targets: vec![Target {
            target: text.to_owned(),
            repository: text.to_owned(),
            repository_uri: Some(text.to_owned()),
            copy_from: None,
            replicated_from: None,
            action: ImageAction::Build,
            tags: Vec::new(),
        }],
    }
}

fn hostile() -> Report {
    let mut report = empty(EVIL);
    report.images = vec![
        image(
            EVIL,
            Some(&format!("FROM {EVIL}\n")),
            &format!("FROM x\nRUN {EVIL}\n# {EVIL}\n"),
        ),
        Image {
            action: ImageAction::None,
            ..image("same", None, EVIL)
        },
    ];
    report.policies = vec![finding(EVIL, Some(2)), finding(EVIL, None)];
    report
}

/// Returns what stands between the tags, and sees to it that they are closed in the order in which they were opened.
fn texts(page: &str) -> String {
    const VOID: [&str; 4] = ["meta", "input", "rect", "path"];
    let mut open = Vec::new();
    let mut texts = String::new();
    for part in page.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("every tag ends");
        let name = tag
            .split([' ', '/'])
            .find(|it| !it.is_empty())
            .unwrap_or_default();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.trim()), "before {text:.40}");
        } else if !VOID.contains(&name) && !tag.starts_with('!') && !tag.ends_with('/') {
            open.push(name);
        }
        texts.push_str(text);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    texts
}

/// Cuts out style and script, which hold signs of their own.
fn body(page: &str) -> &str {
    let start = page.find("<body>").expect("a body");
    let end = page.rfind("<script>").expect("a script");
    &page[start + "<body>".len()..end]
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let page = render_html(&hostile());
    assert_eq!(
        page.matches("<script").count(),
        1,
        "only the script of the page"
    );
    assert!(!page.contains("<img"));
    assert!(!page.contains('\u{202e}'));
    let texts = texts(body(&page));
    assert!(texts.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;"));
    assert!(texts.contains("\\u{202e}&amp;amp;"));
}

#[test]
fn every_tag_is_closed() {
    texts(body(&render_html(&empty("shop"))));
    texts(body(&render_html(&hostile())));
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing_else() {
    let page = render_html(&hostile());
    assert!(page.contains("default-src 'none'"));
    for word in ["src=", "url(", "@import", "http://", "https://"] {
        let rest = page
            .replace("http://www.w3.org/2000/svg", "")
            .replace("src=x onerror", "");
        assert!(!rest.contains(word), "{word}");
    }
    assert!(!page.contains(" style="), "the policy would ignore it");
    assert!(!page.contains(" onclick="));
}

#[test]
fn the_digest_is_what_a_browser_computes() {
    // openssl dgst -sha256 -binary | base64
    assert_eq!(digest(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(
        digest("abc"),
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    );
}

#[test]
fn a_changed_line_shows_which_words_changed_and_findings_stand_below_their_line() {
    let mut report = empty("shop");
    report.images = vec![image(
        "api",
        Some("FROM a:1\nRUN one\n"),
        "FROM a:2\nRUN one\n",
    )];
    report.policies = vec![finding("api", Some(1))];
    let page = render_html(&report);
    assert!(page.contains("<mark>a:1</mark>"), "{page}");
    assert!(page.contains("<mark>a:2</mark>"));
    let after = page.find("<mark>a:2</mark>").expect("the line");
    let finding = page.find("class=\"at-line\"").expect("the finding");
    let next = page.find("</span> one").expect("the next line");
    assert!(after < finding && finding < next);
}

#[test]
fn a_workspace_with_nothing_in_it_is_a_page() {
    let page = render_html(&empty("shop"));
    assert!(page.contains("No changes."));
    assert!(page.contains("The plan has no image in scope."));
}
