//! A plain OCI registry on loopback that serves the base images and keeps its data.

use crate::engine::stop_process;
use crate::failure::{Doing as _, Failure, Outcome};
use crate::http::{Address, request};
use crate::shell::{find_program, last_lines, timed};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A running registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registry {
    /// Its port on 127.0.0.1; chosen at the first start and kept since.
    pub(crate) port: u16,
}

impl Registry {
    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn host(self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the digest that the registry has for `name:tag`; `None` when it has no such image.
    pub(crate) fn digest(self, name: &str, tag: &str) -> Outcome<Option<String>> {
        let path = format!("/v2/{name}/manifests/{tag}");
        let answer = request(&Address::Tcp(self.host()), "HEAD", &path, MANIFESTS)?;
        match answer.status {
            200 => Ok(answer.header("docker-content-digest").map(str::to_owned)),
            404 => Ok(None),
            status => Err(Failure::new(format!(
                "the registry answers {status} for {name}:{tag}"
            ))),
        }
    }

    fn answers(self) -> bool {
        let answer = request(&Address::Tcp(self.host()), "GET", "/v2/", "*/*");
        answer.is_ok_and(|answer| answer.header("docker-distribution-api-version").is_some())
    }
}

/// Makes sure that our registry answers, on the port it had before.
pub(crate) fn ensure(folder: &Path) -> Outcome<Registry> {
    fs::create_dir_all(folder)?;
    let registry = Registry {
        port: kept_port(&folder.join("port"))?,
    };
    if registry.answers() {
        return Ok(registry);
    }
    timed(
        &format!("starting docker-registry on {}", registry.host()),
        || start(registry, folder),
    )?;
    Ok(registry)
}

/// Stops the registry that [`ensure`] started. Says whether there was one.
pub(crate) fn stop(folder: &Path) -> Outcome<bool> {
    stop_process(&folder.join("registry.pid"), "docker-registry")
}

/// Returns the port in `file`; the first time, one that is free now, and writes it there.
fn kept_port(file: &Path) -> Outcome<u16> {
    if let Ok(text) = fs::read_to_string(file) {
        return text.trim().parse().doing(file.display());
    }
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    fs::write(file, port.to_string())?;
    Ok(port)
}

fn start(registry: Registry, folder: &Path) -> Outcome {
    let config = folder.join("config.yml");
    fs::write(&config, configuration(registry, &folder.join("data"))?)?;
    let log_path = folder.join("registry.log");
    let log = File::options().create(true).append(true).open(&log_path)?;
    let program = find_program("docker-registry")
        .ok_or_else(|| Failure::new("docker-registry is not installed"))?;
    let mut child = Command::new("setsid")
        .arg(program)
        .arg("serve")
        .arg(&config)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log)
        .spawn()
        .doing("setsid docker-registry")?;
    fs::write(folder.join("registry.pid"), child.id().to_string())?;
    let limit = Instant::now() + START_LIMIT;
    while !registry.answers() {
        if child.try_wait()?.is_some() || Instant::now() > limit {
            return Err(Failure::new(format!(
                "docker-registry does not answer on {}; if another program took that port, remove {}\n{}",
                registry.host(),
                folder.join("port").display(),
                last_lines(&log_path)
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

fn configuration(registry: Registry, data: &PathBuf) -> Outcome<String> {
    fs::create_dir_all(data)?;
    let data = serde_json::to_string(data)?;
    Ok(format!(
        "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: {data}\nhttp:\n  addr: {}\n",
        registry.host()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_port_of_the_first_use() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("port");
        let first = kept_port(&file).unwrap();
        assert_eq!(kept_port(&file).unwrap(), first);
    }

    #[test]
    fn a_damaged_port_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("port");
        fs::write(&file, "eighty").unwrap();
        assert!(kept_port(&file).unwrap_err().to_string().contains("port"));
    }
}
