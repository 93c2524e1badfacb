//! Finds a Docker Engine, or starts one that outlives this process.

use crate::failure::{Doing as _, Failure, Outcome};
use crate::http::{Address, request};
use crate::packages::is_root;
use crate::shell::{find_program, last_lines, run_logged, say, timed};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// An Engine with the cache of many thousand builds needs minutes until it listens.
const START_LIMIT: Duration = Duration::from_mins(5);
const STOP_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// Says where the Engine listens, or should: `DOCKER_HOST`, else the default socket.
pub(crate) fn address() -> Outcome<Address> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => parse_host(&host),
        _ => Ok(Address::Unix(PathBuf::from(DEFAULT_SOCKET))),
    }
}

/// Says whether an Engine answers there.
pub(crate) fn answers(address: &Address) -> bool {
    request(address, "GET", "/_ping", "*/*").is_ok_and(|answer| answer.status == 200)
}

/// Makes sure that an Engine answers: uses the one that is there, else starts `dockerd`.
pub(crate) fn ensure(address: &Address, run: &Path) -> Outcome {
    if answers(address) {
        return Ok(());
    }
    if *address != Address::Unix(PathBuf::from(DEFAULT_SOCKET)) {
        return Err(Failure::new(
            "no Docker Engine answers at DOCKER_HOST\n  start it, or unset DOCKER_HOST to let this task start one",
        ));
    }
    if !is_root() {
        return Err(Failure::new(
            "no Docker Engine answers\n  start one, or run this task as root",
        ));
    }
    warn_of_loopback_nameserver();
    timed("starting dockerd", || {
        if Path::new("/run/systemd/system").is_dir() {
            run_logged(
                Command::new("systemctl").args(["start", "docker"]),
                &run.join("systemctl.log"),
            )?;
            return wait_ready(address, run, None);
        }
        // Right after a crash, leftovers of the old processes make the first start fail.
        start(address, run).or_else(|failure| {
            if runs(&run.join("dockerd.pid"), "dockerd").is_some() {
                return Err(failure);
            }
            say(&format!("first start failed, trying once more: {failure}"));
            std::thread::sleep(Duration::from_secs(3));
            start(address, run)
        })
    })
}

/// Stops the Engine if it is the one that [`ensure`] started. Says whether there was one.
pub(crate) fn stop(run: &Path) -> Outcome<bool> {
    stop_process(&run.join("dockerd.pid"), "dockerd")
}

/// Ends the process of a pid file with SIGTERM and waits until it is gone, if it still runs `name`.
pub(crate) fn stop_process(pid_file: &Path, name: &str) -> Outcome<bool> {
    let Some(pid) = runs(pid_file, name) else {
        fs::remove_file(pid_file).ok();
        return Ok(false);
    };
    let process = Path::new("/proc").join(&pid);
    run_logged(
        Command::new("kill").arg(&pid),
        &pid_file.with_extension("stop.log"),
    )?;
    let limit = Instant::now() + STOP_LIMIT;
    while process.exists() {
        if Instant::now() > limit {
            return Err(Failure::new(format!(
                "{name} (process {pid}) does not stop"
            )));
        }
        std::thread::sleep(POLL);
    }
    fs::remove_file(pid_file).ok();
    Ok(true)
}

/// Returns the process of a pid file, if it still runs `name`.
fn runs(pid_file: &Path, name: &str) -> Option<String> {
    let pid = fs::read_to_string(pid_file).ok()?.trim().to_owned();
    let comm = fs::read_to_string(Path::new("/proc").join(&pid).join("comm")).ok()?;
    (comm.trim() == name).then_some(pid)
}

fn start(address: &Address, run: &Path) -> Outcome {
    let log = File::options()
        .create(true)
        .append(true)
        .open(run.join("dockerd.log"))?;
    let dockerd =
        find_program("dockerd").ok_or_else(|| Failure::new("dockerd is not installed"))?;
    let path = std::env::var("PATH").unwrap_or_default();
    // `setsid` makes the Engine survive this process and its terminal.
    let mut child = Command::new("setsid")
        .arg(dockerd)
        .arg("--pidfile")
        .arg(run.join("dockerd.pid"))
        .env("PATH", format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin"))
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log)
        .spawn()
        .doing("setsid dockerd")?;
    let mut exited = || child.try_wait().is_ok_and(|status| status.is_some());
    wait_ready(address, run, Some(&mut exited))
}

fn wait_ready(
    address: &Address,
    run: &Path,
    mut exited: Option<&mut dyn FnMut() -> bool>,
) -> Outcome {
    let limit = Instant::now() + START_LIMIT;
    while !answers(address) {
        let gone = exited.as_mut().is_some_and(|exited| exited());
        if gone || Instant::now() > limit {
            let log = run.join("dockerd.log");
            return Err(Failure::new(format!(
                "dockerd does not answer; the last lines of {}:\n{}",
                log.display(),
                last_lines(&log)
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Containers cannot use a nameserver on the host's loopback; the Engine then asks public ones.
fn warn_of_loopback_nameserver() {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut servers = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver "));
    if servers.all(|server| server.trim().starts_with("127.") || server.trim() == "::1") {
        say(
            "every nameserver in /etc/resolv.conf is on loopback; containers will ask public ones, which a closed network refuses",
        );
    }
}

fn parse_host(host: &str) -> Outcome<Address> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Ok(Address::Unix(PathBuf::from(path)));
    }
    let loopback = |rest: &str| {
        rest.starts_with("127.") || rest.starts_with("localhost:") || rest.starts_with("[::1]:")
    };
    match host
        .strip_prefix("tcp://")
        .or_else(|| host.strip_prefix("http://"))
    {
        Some(rest) if loopback(rest) => Ok(Address::Tcp(rest.trim_end_matches('/').to_owned())),
        _ => Err(Failure::new(format!(
            "DOCKER_HOST={host}: the test bed serves base images on loopback, so the Engine must be on this machine\n  \
             use unix://PATH or tcp://127.0.0.1:PORT, or unset DOCKER_HOST"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_docker_host() {
        assert_eq!(
            parse_host("unix:///run/x.sock").unwrap(),
            Address::Unix("/run/x.sock".into())
        );
        assert_eq!(
            parse_host("tcp://127.0.0.1:2375").unwrap(),
            Address::Tcp("127.0.0.1:2375".into())
        );
    }

    #[test]
    fn refuses_an_engine_on_another_machine() {
        for host in ["tcp://10.0.0.1:2375", "ssh://build@host"] {
            let failure = parse_host(host).unwrap_err().to_string();
            assert!(failure.contains("must be on this machine"), "{failure}");
        }
    }

    #[test]
    fn a_stale_pid_file_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dockerd.pid");
        fs::write(&file, std::process::id().to_string()).unwrap();
        assert!(!stop_process(&file, "dockerd").unwrap());
        assert!(!file.exists());
    }
}
