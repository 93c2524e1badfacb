//! Secrets of images: ids and sources, never values.

use crate::diag::{Code, Diagnostic};
use crate::manifest::model::{ImageSecret, SecretSource};
use crate::manifest::path;
use crate::manifest::raw::{SecretFrom, SecretUse};
use crate::node::suggest;

use super::Resolver;

impl Resolver<'_> {
    /// Resolves the secrets that an image mounts, sorted by id.
    pub(super) fn secrets(&mut self, uses: &[SecretUse]) -> Vec<ImageSecret> {
        let manifest = self.manifest;
        let mut all: Vec<ImageSecret> = Vec::new();
        for used in uses {
            let Some(node) = manifest
                .secrets
                .iter()
                .find(|it| it.name.value == used.secret.value)
            else {
                self.unknown_secret(used);
                continue;
            };
            let id = used.id.as_ref().unwrap_or(&used.secret);
            if let Some(earlier) = all.iter().find(|it| it.id == id.value) {
                let diagnostic = Diagnostic::error(
                    Code::DuplicateName,
                    format!("two secrets have the id `{}`", id.value),
                )
                .at(&id.location, "again here")
                .at(&earlier.location, "first given here")
                .help("give one of them another `id=`");
                self.report(diagnostic);
                continue;
            }
            let source = match &node.source {
                Some(SecretFrom::Env(name)) => SecretSource::Env {
                    name: name.value.clone(),
                },
                Some(SecretFrom::File(text)) => {
                    match path::normalize_from(&text.location.source.name, &text.value) {
                        Ok(path) => SecretSource::File { path },
                        Err(_) => continue,
                    }
                }
                Some(SecretFrom::Service(word, place)) => {
                    self.not_carried_out(&format!("`{word}`"), place);
                    continue;
                }
                None => continue,
            };
            all.push(ImageSecret {
                id: id.value.clone(),
                name: node.name.value.clone(),
                source,
                location: id.location.clone(),
            });
        }
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    fn unknown_secret(&mut self, used: &SecretUse) {
        if self.manifest.incomplete {
            return;
        }
        let names: Vec<&str> = self
            .manifest
            .secrets
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        let name = &used.secret.value;
        let mut diagnostic = Diagnostic::error(
            Code::UnknownSecret,
            format!("secret `{name}` is not defined"),
        )
        .at(&used.secret.location, "unknown secret");
        diagnostic.help = suggest::hint(name, &names).or_else(|| {
            let variable = name.to_ascii_uppercase().replace(['-', '.'], "_");
            Some(format!(
                "define it: `secret \"{name}\" {{ from-env \"{variable}\" }}`"
            ))
        });
        self.report(diagnostic);
    }

    /// Checks the files of all secrets, used or not, and returns their paths with those of the keys of builders: no build may read them as part of its context.
    pub(super) fn secret_files(&mut self) -> Vec<String> {
        let manifest = self.manifest;
        let keys = manifest
            .builders
            .iter()
            .filter_map(|it| it.tls.as_ref()?.client.as_ref());
        let keys = keys.filter_map(|(_, key)| {
            path::normalize_from(&key.location.source.name, &key.value).ok()
        });
        let mut files: Vec<String> = keys.collect();
        for node in &manifest.secrets {
            let Some(SecretFrom::File(text)) = &node.source else {
                continue;
            };
            match path::normalize_from(&text.location.source.name, &text.value) {
                Ok(path) => files.push(path),
                Err(reason) => self.report(path::outside(text, &text.value, reason)),
            }
        }
        files
    }
}
