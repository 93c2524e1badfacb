//! A session of a language client with the binary: what an editor sends, and what it is answered.

#[path = "common/mod.rs"]
mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use common::Workspace;
use serde_json::{Value, json};

const MANIFEST: &str = "workspace \"w\"\n\nvar \"release\" { default \"dev\" }\n\nregistry \"prod\" {\n    account \"111122223333\"\n    region \"eu-west-1\"\n}\n\nimage \"api\" pattern=\"python@1\" {\n    doc \"\u{1f980} crab\"; target \"prod\"\n    tag \"{{ var.release }}\"\n}\n";

/// An editor, as far as the protocol goes.
struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
    /// Notifications that came while an answer was awaited.
    said: Vec<Value>,
}

impl Client {
    fn start(workspace: &Workspace) -> Self {
        let mut child = workspace
            .command(&["lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the server starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            input,
            output,
            next: 0,
            said: Vec::new(),
        }
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let input = self.input.as_mut().expect("not ended");
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("written");
        input.flush().expect("written");
    }

    fn notify(&mut self, method: &str, parameters: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }));
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("a header");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        loop {
            let message = self.read();
            if message["id"] == id {
                return message;
            }
            self.said.push(message);
        }
    }

    /// Waits for what is said about a text.
    fn diagnostics(&mut self, uri: &str) -> Vec<Value> {
        loop {
            let found = self.said.iter().position(|it| it["params"]["uri"] == uri);
            if let Some(at) = found {
                let all = &self.said.remove(at)["params"]["diagnostics"];
                return all.as_array().expect("a list").clone();
            }
            let message = self.read();
            self.said.push(message);
        }
    }

    fn open(&mut self, uri: &str, text: &str) -> Vec<Value> {
        let document = json!({ "uri": uri, "languageId": "kdl", "version": 1, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
        self.diagnostics(uri)
    }

    fn change(&mut self, uri: &str, text: &str) -> Vec<Value> {
        let parameters = json!({
            "textDocument": { "uri": uri, "version": 2 },
            "contentChanges": [{ "text": text }],
        });
        self.notify("textDocument/didChange", &parameters);
        self.diagnostics(uri)
    }

    /// Asks about the place of `word` in `text`, `inside` UTF-16 units further.
    fn ask_at(&mut self, method: &str, uri: &str, text: &str, word: &str, inside: usize) -> Value {
        let offset = text.find(word).expect("the word is there");
        let line = text[..offset].matches('\n').count();
        let start = text[..offset].rfind('\n').map_or(0, |it| it + 1);
        let units = text[start..offset].encode_utf16().count() + inside;
        let position = json!({ "line": line, "character": units });
        self.ask(
            method,
            &json!({ "textDocument": { "uri": uri }, "position": position }),
        )["result"]
            .clone()
    }

    fn end(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", &Value::Null)["result"], Value::Null);
        self.notify("exit", &Value::Null);
        self.input = None;
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

fn started(workspace: &Workspace) -> (Client, String) {
    let mut client = Client::start(workspace);
    let early = client.ask("textDocument/hover", &json!({}));
    assert_eq!(early["error"]["code"], -32002);
    let answer = client.ask("initialize", &json!({ "capabilities": {} }));
    assert_eq!(
        answer["result"]["capabilities"]["positionEncoding"],
        "utf-16"
    );
    client.notify("initialized", &json!({}));
    let path = workspace.path("windlass.kdl");
    let path = path.canonicalize().expect("the manifest is there");
    (client, format!("file://{}", path.display()))
}

fn workspace() -> Workspace {
    Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("requirements.txt", "fastapi\n"),
        ("main.py", "print(1)\n"),
    ])
}

#[test]
fn diagnostics_follow_what_is_typed_before_it_is_saved() {
    let workspace = workspace();
    let (mut client, uri) = started(&workspace);
    assert_eq!(client.open(&uri, MANIFEST), Vec::<Value>::new());
    let broken = MANIFEST.replace("target \"prod\"", "target \"prdo\"");
    let found = client.change(&uri, &broken);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["code"], "reference/unknown-registry");
    assert_eq!(found[0]["severity"], 1);
    // The crab in front of it is two units: `    doc "_ crab"; target ` are 25.
    assert_eq!(
        found[0]["range"],
        json!({ "start": { "line": 10, "character": 26 }, "end": { "line": 10, "character": 32 } })
    );
    let message = found[0]["message"].as_str().expect("text");
    assert!(message.contains("help: did you mean `prod`?"), "{message}");
    assert_eq!(client.change(&uri, MANIFEST), Vec::<Value>::new());
    let unclosed = client.change(&uri, "workspace \"w");
    assert_eq!(unclosed[0]["code"], "syntax/unclosed-string");
    assert_eq!(client.end(), 0);
}

#[test]
fn the_language_answers_at_the_cursor() {
    let workspace = workspace();
    let (mut client, uri) = started(&workspace);
    client.open(&uri, MANIFEST);
    let items = client.ask_at(
        "textDocument/completion",
        &uri,
        MANIFEST,
        "\"prod\"\n    tag",
        3,
    );
    let prod = items
        .as_array()
        .expect("a list")
        .iter()
        .find(|it| it["label"] == "prod");
    let prod = prod.expect("the registry is offered");
    assert_eq!(prod["textEdit"]["newText"], "\"prod\"");
    assert_eq!(
        prod["textEdit"]["range"]["start"],
        json!({ "line": 10, "character": 26 })
    );
    let items = client.ask_at("textDocument/completion", &uri, MANIFEST, "tag \"{{", 0);
    let labels: Vec<&str> = items
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["label"].as_str())
        .collect();
    assert!(
        labels.contains(&"context") && !labels.contains(&"registry"),
        "{labels:?}"
    );
    let hover = client.ask_at("textDocument/hover", &uri, MANIFEST, "tag \"", 1);
    let text = hover["contents"]["value"].as_str().expect("text");
    assert!(
        text.starts_with("`tag`: the tags that must hold it"),
        "{text}"
    );
    let found = client.ask_at("textDocument/definition", &uri, MANIFEST, "var.release", 6);
    assert_eq!(found["uri"], uri);
    assert_eq!(
        found["range"]["start"],
        json!({ "line": 2, "character": 4 })
    );
    let nothing = client.ask_at("textDocument/definition", &uri, MANIFEST, "crab", 1);
    assert_eq!(nothing, Value::Null);
    assert_eq!(client.end(), 0);
}

#[test]
fn names_of_other_files_are_known_and_found() {
    let workspace = workspace();
    let team = "image \"web\" {\n    needs \"api\"\n}\n";
    workspace.write("teams/web.kdl", team);
    let (mut client, root) = started(&workspace);
    let uri = root.replace("windlass.kdl", "teams/web.kdl");
    client.open(&uri, team);
    let found = client.ask_at("textDocument/definition", &uri, team, "\"api\"", 2);
    assert_eq!(found["uri"], root);
    assert_eq!(
        found["range"]["start"],
        json!({ "line": 9, "character": 6 })
    );
    assert_eq!(client.end(), 0);
}

#[test]
fn formatting_is_that_of_fmt_and_leaves_broken_texts_alone() {
    let workspace = workspace();
    let (mut client, uri) = started(&workspace);
    let untidy = "workspace   \"w\"\nimage \"a\" {tag \"x\"}";
    client.open(&uri, untidy);
    let options = json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 2 } });
    let edits = client.ask("textDocument/formatting", &options)["result"].clone();
    assert_eq!(
        edits[0]["newText"],
        "workspace \"w\"\nimage \"a\" { tag \"x\" }\n"
    );
    assert_eq!(
        edits[0]["range"]["end"],
        json!({ "line": 1, "character": 19 })
    );
    client.change(&uri, "workspace \"w");
    let edits = client.ask("textDocument/formatting", &options)["result"].clone();
    assert_eq!(edits, json!([]));
    let unknown = client.ask("textDocument/rename", &options);
    assert_eq!(unknown["error"]["code"], -32601);
    assert_eq!(client.end(), 0);
}

#[test]
fn input_that_is_no_protocol_ends_the_server_with_an_error() {
    let workspace = workspace();
    let mut child = workspace
        .command(&["lsp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"hello\r\n\r\n").expect("written");
    drop(input);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}
