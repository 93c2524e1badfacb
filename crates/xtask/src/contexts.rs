//! `cargo xtask bench contexts`: how fast a large build context is hashed, cold and warm, and how much memory that takes.
//!
//! 20,000 files of 2 GiB in a git repository. Cold is a plan with an empty cache folder, against what `openssl dgst` takes for the same
//! files on all processors, and what `openssl speed` hashes on one and on all without reading a file; all in turn, since a machine that
//! is shared is not the same for long. Warm is the plan after it less one of a context with one file, against `git status` of the same
//! tree. The files lie in the page cache in both cases: what is measured is windlass, not the disk.

use crate::bench::median;
use crate::demo::release_binary;
use crate::failure::{Doing as _, Failure, Outcome};
use crate::shell::{print, read_output, run_logged, say, timed};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 20_000;
const BYTES: usize = 2 << 30;
const ROUNDS: usize = 7;
const COLD_ROUNDS: usize = 5;
/// What part of the speed of one processor a cold plan has to reach.
const COLD_REACH: f64 = 0.8;
/// How many times longer than `git status` a warm plan may take.
const WARM_REACH: f64 = 2.0;

struct Contexts {
    binary: PathBuf,
    folder: tempfile::TempDir,
}

/// What was measured.
struct Figures {
    /// Bytes a second of `openssl speed` on one processor and on all.
    machine: [f64; 2],
    cold: Duration,
    /// `openssl dgst` of the same files, by as many processes as there are processors.
    peer: Duration,
    warm: Duration,
    git: Duration,
    /// The same plan without the files.
    empty: Duration,
    /// Largest resident memory of a cold and of a warm plan, in MiB.
    memory: [u64; 2],
}

/// Runs the benchmark and prints its table. Fails where a reach is missed.
pub(crate) fn run() -> Outcome<ExitCode> {
    let contexts = Contexts::prepare()?;
    let figures = contexts.measure()?;
    Ok(if report(&figures) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Contexts {
    fn prepare() -> Outcome<Self> {
        let binary = release_binary()?;
        let folder = tempfile::Builder::new()
            .prefix("windlass-contexts-")
            .tempdir()?;
        let contexts = Self { binary, folder };
        timed(&format!("{FILES} files of 2 GiB"), || {
            write_workspace(&contexts.workspace(), FILES, BYTES)
        })?;
        write_workspace(&contexts.empty(), 1, 1)?;
        timed("git add and commit", || {
            contexts.commit(&contexts.empty())?;
            contexts.commit(&contexts.workspace())
        })?;
        Ok(contexts)
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// The same workspace with one file, in a git repository as well: git is asked for the time of the commit by both.
    fn empty(&self) -> PathBuf {
        self.folder.path().join("empty")
    }

    fn commit(&self, workspace: &Path) -> Outcome {
        for arguments in [
            &["init", "--quiet"][..],
            &["add", "--all"],
            &["commit", "--quiet", "--message", "all"],
            // Writes the times that it read into the index, as it does in everyday use.
            &["status"],
        ] {
            let mut command = git_in(workspace, arguments);
            run_logged(&mut command, &self.folder.path().join("git.log"))?;
        }
        // What was written goes to the disk now, and not while something is measured.
        run_logged(
            &mut Command::new("sync"),
            &self.folder.path().join("sync.log"),
        )
    }

    fn measure(&self) -> Outcome<Figures> {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut memory = [0; 2];
        let mut machine = [Vec::new(), Vec::new()];
        let (mut cold, mut peer) = (Vec::new(), Vec::new());
        for round in 1..=COLD_ROUNDS {
            drop(fs::remove_dir_all(self.folder.path().join("cache")));
            let plan = || self.plan(&self.workspace());
            cold.push(timed(&format!("cold plan {round} of {COLD_ROUNDS}"), plan)?);
            peer.push(self.peer(processors)?);
            machine[0].push(machine_speed(1)?);
            machine[1].push(machine_speed(processors)?);
        }
        // Cold, then warm; apart from what is timed: whoever asks often how much memory a process has makes it slower.
        drop(fs::remove_dir_all(self.folder.path().join("cache")));
        for most in &mut memory {
            *most = self.memory(&self.workspace())?;
        }
        // Both sides in turn, so that the machine is the same for both.
        let (mut warm, mut git, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 1..=ROUNDS {
            warm.push(self.plan(&self.workspace())?);
            let start = Instant::now();
            read_output(&mut git_in(&self.workspace(), &["status", "--porcelain"]))?;
            git.push(start.elapsed());
            empty.push(self.plan(&self.empty())?);
        }
        Ok(Figures {
            machine: machine.map(middle),
            cold: median(&cold),
            peer: median(&peer),
            warm: median(&warm),
            git: median(&git),
            empty: median(&empty),
            memory,
        })
    }

    /// Hashes the same files with `openssl dgst`; returns how long it took.
    fn peer(&self, processors: usize) -> Outcome<Duration> {
        let hash = format!(
            "find . -type f -print0 | xargs -0 -n 250 -P {processors} openssl dgst -sha256"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &hash]);
        command.current_dir(self.workspace().join("context"));
        let start = Instant::now();
        read_output(&mut command)?;
        Ok(start.elapsed())
    }

    /// Plans a workspace; returns how long it took.
    fn plan(&self, workspace: &Path) -> Outcome<Duration> {
        let start = Instant::now();
        let ended = self.start(workspace)?.wait()?;
        let time = start.elapsed();
        self.good(ended)?;
        Ok(time)
    }

    /// Plans a workspace; returns the most memory that this took, in MiB.
    fn memory(&self, workspace: &Path) -> Outcome<u64> {
        let mut child = self.start(workspace)?;
        let status = format!("/proc/{}/status", child.id());
        let mut most = 0;
        loop {
            let text = fs::read_to_string(&status).unwrap_or_default();
            most = most.max(high_water(&text).unwrap_or(0));
            if let Some(ended) = child.try_wait()? {
                self.good(ended)?;
                return Ok(most / 1024);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("plan.log")
    }

    fn good(&self, ended: ExitStatus) -> Outcome {
        if ended.success() {
            return Ok(());
        }
        let log = crate::shell::last_lines(&self.log());
        Err(Failure::new(format!("the plan failed:\n{log}")))
    }

    fn start(&self, workspace: &Path) -> Outcome<Child> {
        let log = self.log();
        let file = fs::File::create(&log).doing(log.display())?;
        let mut command = Command::new(&self.binary);
        command
            // Without registry and Engine: what is measured is the context.
            .args(["--local", "plan", "--offline"])
            .current_dir(workspace)
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file);
        command.spawn().doing("windlass")
    }
}

fn git_in(workspace: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=bench", "-c", "user.email=bench@localhost"])
        .args(arguments)
        .current_dir(workspace);
    command
}

/// Returns the high-water mark of resident memory in KiB.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Returns how many bytes a second so many processors hash with SHA-256, of a buffer that is there already.
fn machine_speed(processors: usize) -> Outcome<f64> {
    let text = read_output(Command::new("openssl").args([
        "speed",
        "-seconds",
        "1",
        "-bytes",
        "262144",
        "-multi",
        &processors.to_string(),
        "-mr",
        "-evp",
        "sha256",
    ]))?;
    // The last line: `+F:24:sha256:1234567890.12`
    text.lines()
        .filter_map(|line| line.strip_prefix("+F:")?.rsplit(':').next()?.parse().ok())
        .next_back()
        .ok_or_else(|| Failure::new(format!("`openssl speed` said:\n{text}")))
}

fn middle(mut speeds: Vec<f64>) -> f64 {
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}

/// Writes a workspace with one image whose context has so many files of so many bytes in all: many small ones, few large ones.
fn write_workspace(folder: &Path, files: usize, bytes: usize) -> Outcome {
    fs::create_dir(folder)?;
    fs::write(
        folder.join("windlass.kdl"),
        "workspace \"contexts\"\n\nregistry \"main\" {\n    account \"000000000000\"\n    region \"us-east-1\"\n}\n\nimage \"large\" {\n    target \"main\"\n    context \"context\"\n}\n",
    )?;
    fs::write(folder.join(".gitignore"), ".windlass/\n")?;
    let context = folder.join("context");
    fs::create_dir(&context)?;
    fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY . /\n")?;
    // One file in a hundred holds half of all bytes.
    let large = (bytes / 2) / files.div_ceil(100);
    let small = (bytes / 2) / files;
    let mut bytes_of_file = Vec::new();
    for number in 0..files {
        let size = if number % 100 == 0 { large } else { small };
        bytes_of_file.clear();
        let mut line = String::new();
        writeln!(line, "file {number}").expect("a string takes all text");
        while bytes_of_file.len() < size {
            bytes_of_file.extend_from_slice(line.as_bytes());
        }
        bytes_of_file.truncate(size);
        let path = context.join(format!(
            "group-{:02}/part-{:02}",
            number % 40,
            number / 40 % 25
        ));
        fs::create_dir_all(&path)?;
        fs::write(path.join(format!("file-{number}.txt")), &bytes_of_file)?;
    }
    Ok(())
}

/// Prints the table; says whether every reach was met.
fn report(figures: &Figures) -> bool {
    let Figures {
        machine,
        cold,
        peer,
        warm,
        git,
        empty,
        memory,
    } = figures;
    let hashing = cold.saturating_sub(*empty).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "two gibibytes are exact")]
    let speed = BYTES as f64 / hashing;
    let [one, all] = machine;
    let part = speed / one;
    let looking = warm.saturating_sub(*empty).as_secs_f64();
    let times = looking / git.as_secs_f64();
    let giga = 1e9;
    print("| what | figure |");
    print("| --- | ---: |");
    print(&format!(
        "| SHA-256 of one processor, of all (`openssl speed`) | {:.2} GB/s, {:.2} GB/s |",
        one / giga,
        all / giga
    ));
    print(&format!(
        "| cold plan of {FILES} files, 2 GiB | {:.2} s: {:.2} GB/s, {:.0} % of one processor's, {:.0} % of all |",
        cold.as_secs_f64(),
        speed / giga,
        part * 100.0,
        speed / all * 100.0
    ));
    print(&format!(
        "| `openssl dgst -sha256` of the same files on all | {:.2} s: hashing has {:.0} % of its speed |",
        peer.as_secs_f64(),
        peer.as_secs_f64() / hashing * 100.0
    ));
    print(&format!("| warm plan | {:.3} s |", warm.as_secs_f64()));
    print(&format!(
        "| `git status` of the same tree | {:.3} s: looking at the context takes {times:.2} times as long |",
        git.as_secs_f64()
    ));
    print(&format!(
        "| the same plan of a context with one file | {:.3} s |",
        empty.as_secs_f64()
    ));
    print(&format!(
        "| most memory, cold and warm | {} and {} MiB |",
        memory[0], memory[1]
    ));
    if part < COLD_REACH {
        say(&format!("cold: below the reach of {COLD_REACH}"));
    }
    if times > WARM_REACH {
        say(&format!("warm: above the reach of {WARM_REACH}"));
    }
    part >= COLD_REACH && times <= WARM_REACH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_from_the_status() {
        assert_eq!(
            high_water("Name:\tx\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n"),
            Some(123_456)
        );
        assert_eq!(high_water("Name:\tx\n"), None);
    }

    #[test]
    fn half_of_the_bytes_lie_in_few_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let workspace = folder.path().join("w");
        write_workspace(&workspace, 200, 200_000).expect("written");
        let large = fs::metadata(workspace.join("context/group-00/part-00/file-0.txt"));
        assert_eq!(large.expect("a file").len(), 50_000);
        let small = fs::metadata(workspace.join("context/group-01/part-00/file-1.txt"));
        assert_eq!(small.expect("a file").len(), 500);
    }
}
