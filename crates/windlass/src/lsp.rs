//! The language server: what `validate`, `fmt` and the field list know, for an editor, over standard input and output.
//!
//! The protocol is the Language Server Protocol 3.17, the part that a configuration language needs: whole texts are synchronised,
//! positions count UTF-16 units. Messages are handled one after the other; the workspace is checked once no message waits.

mod frame;
mod position;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use serde_json::{Value, json};
use windlass_core::diag::Source;
use windlass_core::editor::{Completion, CompletionKind, Editor};
use windlass_core::format::format;
use windlass_core::manifest::shape;
use windlass_core::node::shape::Shape;

use crate::cli::Global;
use crate::failure::{Exit, Failure};

use self::frame::Incoming;
use self::position::{offset_at, position_at, range_of};
use self::workspace::{Findings, path_of, uri_of};

const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const NOT_INITIALIZED: i64 = -32002;

/// Speaks with an editor until it says that it is done.
pub(crate) fn serve(global: &Global) -> Result<Exit, Failure> {
    let (sender, receiver) = channel();
    // The thread ends with the process: it waits for input that may never come.
    std::thread::spawn(move || frame::read_all(std::io::stdin().lock(), &sender));
    let mut server = Server {
        global,
        shape: shape(),
        documents: BTreeMap::new(),
        published: BTreeSet::new(),
        initialized: false,
        ending: false,
    };
    server.run(&receiver)
}

/// A text that is open in the editor.
#[derive(Debug)]
pub(super) struct Document {
    /// Where it is in the file system, if it is.
    path: Option<PathBuf>,
    text: String,
}

struct Server<'a> {
    global: &'a Global,
    shape: Shape,
    /// Open texts by the URI that the editor gave them.
    documents: BTreeMap<String, Document>,
    /// URIs for which something was said.
    published: BTreeSet<String>,
    initialized: bool,
    ending: bool,
}

impl Server<'_> {
    fn run(&mut self, incoming: &Receiver<Incoming>) -> Result<Exit, Failure> {
        let mut changed = false;
        loop {
            let next = match incoming.try_recv() {
                Err(TryRecvError::Empty) => {
                    if changed {
                        self.publish()?;
                        changed = false;
                    }
                    incoming.recv().unwrap_or(Incoming::End)
                }
                Err(TryRecvError::Disconnected) => Incoming::End,
                Ok(next) => next,
            };
            match next {
                Incoming::End => return Ok(self.exit()),
                Incoming::Broken(why) => {
                    return Err(Failure::error(format!("this is no language client: {why}"))
                        .help("`windlass lsp` is started by an editor"));
                }
                Incoming::NotJson(why) => {
                    let error = json!({ "code": -32700, "message": why });
                    frame::write(&json!({ "jsonrpc": "2.0", "id": null, "error": error }))?;
                }
                Incoming::Message(message) => {
                    if message["method"] == "exit" {
                        return Ok(self.exit());
                    }
                    changed |= self.handle(&message)?;
                }
            }
        }
    }

    fn exit(&self) -> Exit {
        if self.ending { Exit::Done } else { Exit::Error }
    }

    /// Handles one message and says whether a text has changed.
    fn handle(&mut self, message: &Value) -> Result<bool, Failure> {
        let Some(method) = message["method"].as_str() else {
            // An answer; nothing was asked.
            return Ok(false);
        };
        let parameters = &message["params"];
        let Some(id) = message.get("id") else {
            return Ok(self.initialized && self.notified(method, parameters));
        };
        let answer = self.answer(method, parameters);
        let mut reply = json!({ "jsonrpc": "2.0", "id": id });
        match answer {
            Ok(result) => reply["result"] = result,
            Err((code, message)) => reply["error"] = json!({ "code": code, "message": message }),
        }
        frame::write(&reply)?;
        Ok(false)
    }

    /// Takes note of something and says whether a text has changed.
    fn notified(&mut self, method: &str, parameters: &Value) -> bool {
        let document = &parameters["textDocument"];
        let Some(uri) = document["uri"].as_str().map(str::to_owned) else {
            return method == "workspace/didChangeWatchedFiles";
        };
        match method {
            "textDocument/didOpen" => {
                let text = document["text"].as_str().unwrap_or_default().to_owned();
                let path = path_of(&uri);
                self.documents.insert(uri, Document { path, text });
            }
            "textDocument/didChange" => {
                let changes = parameters["contentChanges"].as_array();
                let last = changes.and_then(|it| it.last()?["text"].as_str());
                if let (Some(document), Some(text)) = (self.documents.get_mut(&uri), last) {
                    text.clone_into(&mut document.text);
                }
            }
            "textDocument/didClose" => {
                self.documents.remove(&uri);
            }
            "textDocument/didSave" => {}
            _ => return false,
        }
        true
    }

    fn answer(&mut self, method: &str, parameters: &Value) -> Result<Value, (i64, String)> {
        if method == "initialize" {
            self.initialized = true;
            return Ok(capabilities());
        }
        if !self.initialized {
            return Err((NOT_INITIALIZED, "`initialize` comes first".to_owned()));
        }
        if self.ending {
            return Err((INVALID_REQUEST, "`shutdown` was asked for".to_owned()));
        }
        match method {
            "shutdown" => {
                self.ending = true;
                Ok(Value::Null)
            }
            "textDocument/completion" => self.completion(parameters),
            "textDocument/hover" => self.hover(parameters),
            "textDocument/definition" => self.definition(parameters),
            "textDocument/formatting" => self.formatting(parameters),
            other => Err((METHOD_NOT_FOUND, format!("`{other}` is not known here"))),
        }
    }

    fn document(&self, parameters: &Value) -> Result<(&str, &Document), (i64, String)> {
        let uri = parameters["textDocument"]["uri"]
            .as_str()
            .unwrap_or_default();
        let found = self.documents.get_key_value(uri);
        found
            .map(|(uri, document)| (uri.as_str(), document))
            .ok_or_else(|| (INVALID_PARAMS, format!("`{uri}` is not open")))
    }

    fn completion(&self, parameters: &Value) -> Result<Value, (i64, String)> {
        let (_, document) = self.document(parameters)?;
        let definitions = self.definitions(document);
        let editor = self.editor(document, &definitions);
        let offset = offset_at(&document.text, &parameters["position"]);
        let items: Vec<Value> = editor
            .complete(offset)
            .iter()
            .map(|it| completion_item(&document.text, it))
            .collect();
        Ok(Value::Array(items))
    }

    fn hover(&self, parameters: &Value) -> Result<Value, (i64, String)> {
        let (_, document) = self.document(parameters)?;
        let definitions = self.definitions(document);
        let editor = self.editor(document, &definitions);
        let offset = offset_at(&document.text, &parameters["position"]);
        Ok(editor.hover(offset).map_or(Value::Null, |(range, text)| {
            json!({
                "contents": { "kind": "markdown", "value": text },
                "range": range_of(&document.text, &range),
            })
        }))
    }

    fn definition(&self, parameters: &Value) -> Result<Value, (i64, String)> {
        let (_, document) = self.document(parameters)?;
        let definitions = self.definitions(document);
        let editor = self.editor(document, &definitions);
        let offset = offset_at(&document.text, &parameters["position"]);
        let Some(found) = editor.definition(offset) else {
            return Ok(Value::Null);
        };
        let text = workspace::text_of(&found.file, &self.documents);
        Ok(json!({
            "uri": self.uri(&found.file),
            "range": range_of(&text.unwrap_or_default(), &found.range),
        }))
    }

    fn formatting(&self, parameters: &Value) -> Result<Value, (i64, String)> {
        let (uri, document) = self.document(parameters)?;
        // A text that cannot be read is left alone; its diagnostics say why.
        let formatted = format(&Source::new(uri, document.text.as_str())).ok();
        let changed = formatted.filter(|it| *it != document.text);
        Ok(changed.map_or_else(
            || json!([]),
            |it| {
                let whole = 0..document.text.len();
                json!([{ "range": range_of(&document.text, &whole), "newText": it }])
            },
        ))
    }

    fn editor<'b>(
        &'b self,
        document: &'b Document,
        definitions: &'b [windlass_core::editor::Definition],
    ) -> Editor<'b> {
        Editor {
            text: &document.text,
            shape: &self.shape,
            definitions,
        }
    }

    fn definitions(&self, document: &Document) -> Vec<windlass_core::editor::Definition> {
        workspace::definitions(document, &self.documents, self.global, &self.shape)
    }

    /// Returns the editor's own URI of a file where it is open.
    fn uri(&self, file: &str) -> String {
        let path = PathBuf::from(file);
        let open = self.documents.iter();
        let mut open = open.filter(|(_, it)| it.path.as_ref() == Some(&path));
        open.next().map_or_else(|| uri_of(&path), |it| it.0.clone())
    }

    /// Checks everything that is open and says what is wrong, or no longer wrong.
    fn publish(&mut self) -> Result<(), Failure> {
        let mut findings = Findings::default();
        workspace::check(&self.documents, self.global, &mut findings);
        let mut said = BTreeSet::new();
        for (file, diagnostics) in findings.by_file {
            let uri = if self.documents.contains_key(&file) {
                file
            } else {
                self.uri(&file)
            };
            notify(&uri, &Value::Array(diagnostics))?;
            said.insert(uri);
        }
        for uri in self.published.difference(&said) {
            notify(uri, &json!([]))?;
        }
        self.published = said;
        Ok(())
    }
}

fn notify(uri: &str, diagnostics: &Value) -> Result<(), Failure> {
    frame::write(&json!({
        "jsonrpc": "2.0",
        "method": "textDocument/publishDiagnostics",
        "params": { "uri": uri, "diagnostics": diagnostics },
    }))
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            // 1: a change sends the whole text.
            "textDocumentSync": { "openClose": true, "change": 1, "save": true },
            "completionProvider": { "triggerCharacters": ["\"", "=", ".", " ", "{"] },
            "hoverProvider": true,
            "definitionProvider": true,
            "documentFormattingProvider": true,
        },
        "serverInfo": { "name": "windlass", "version": env!("CARGO_PKG_VERSION") },
    })
}

fn completion_item(text: &str, completion: &Completion) -> Value {
    // Numbers of `CompletionItemKind`.
    let kind = match completion.kind {
        CompletionKind::Field => 5,
        CompletionKind::Property => 10,
        CompletionKind::Word => 12,
        CompletionKind::Reference => 18,
        CompletionKind::Variable => 6,
    };
    json!({
        "label": completion.label,
        "kind": kind,
        "detail": completion.detail,
        // Editors filter by what stands in the range, quotes included.
        "filterText": completion.insert,
        "textEdit": {
            "range": {
                "start": position_at(text, completion.replace.start),
                "end": position_at(text, completion.replace.end),
            },
            "newText": completion.insert,
        },
    })
}
