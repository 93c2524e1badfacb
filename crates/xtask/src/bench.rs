//! `cargo xtask bench`: what a run without changes costs, compared with a push script for each image.
//!
//! Both sides are measured in the same run, in turn, against a local ECR and the same Engine: windlass with a
//! workspace of 1, 10 and 100 images, and `bench/push.sh` (AWS command line, then docker build, tag and push) for single
//! images of the same content. Both are warm: everything is built and pushed before the first measurement.

use crate::demo::release_binary;
use crate::failure::{Doing as _, Failure, Outcome};
use crate::http::{Address, request};
use crate::setup::{self, Testbed};
use crate::shell::{print, read_output, run_logged, say, timed};
use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("../bench/push.sh");
const COUNTS: [usize; 3] = [1, 10, 100];
const ROUNDS: usize = 7;
/// How many images the script pushes in each round.
const SCRIPT_IMAGES: usize = 3;
/// How many times faster windlass has to be at the largest count.
const REACH: f64 = 300.0;
pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const REGION: &str = "us-east-1";

/// Everything one benchmark run works with.
struct Bench {
    testbed: Testbed,
    binary: PathBuf,
    folder: tempfile::TempDir,
    /// Marks the images of this run, so that they can be removed.
    label: String,
    ecr: LocalEcr,
}

/// The times of all rounds.
#[derive(Default)]
struct Times {
    /// Of one apply, for each of [`COUNTS`].
    windlass: [Vec<Duration>; COUNTS.len()],
    /// Of the script, for one image.
    script: Vec<Duration>,
}

/// Runs the benchmark and prints its table. Fails when windlass is slower than [`REACH`] asks.
pub(crate) fn run() -> Outcome<ExitCode> {
    let bench = Bench::prepare()?;
    let measured = bench.measure();
    bench.remove_images()?;
    let ratio = report(&measured?);
    if ratio < REACH {
        say(&format!(
            "{ratio:.0} times faster is below the reach of {REACH:.0}"
        ));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

impl Bench {
    fn prepare() -> Outcome<Self> {
        let testbed = setup::run()?;
        let binary = release_binary()?;
        let folder = tempfile::Builder::new()
            .prefix("windlass-bench-")
            .tempdir()?;
        let label = folder
            .path()
            .file_name()
            .expect("a temporary folder has a name")
            .to_string_lossy()
            .into_owned();
        let ecr = LocalEcr::start(&binary, folder.path())?;
        let bench = Self {
            testbed,
            binary,
            folder,
            label,
            ecr,
        };
        for count in COUNTS {
            write_workspace(&bench.workspace(count), count, &bench.label)?;
        }
        bench.write_script()?;
        Ok(bench)
    }

    fn measure(&self) -> Outcome<Times> {
        for count in COUNTS {
            timed(&format!("first apply of {count} images"), || {
                self.apply(count).map(drop)
            })?;
            self.expect_no_changes(count)?;
        }
        timed(
            &format!("first push of {SCRIPT_IMAGES} images by the script"),
            || (1..=SCRIPT_IMAGES).try_for_each(|image| self.script(image).map(drop)),
        )?;
        let mut times = Times::default();
        for round in 1..=ROUNDS {
            timed(&format!("round {round} of {ROUNDS}"), || {
                self.round(&mut times)
            })?;
        }
        Ok(times)
    }

    fn round(&self, times: &mut Times) -> Outcome {
        for (index, count) in COUNTS.into_iter().enumerate() {
            times.windlass[index].push(self.apply(count)?);
        }
        for image in 1..=SCRIPT_IMAGES {
            times.script.push(self.script(image)?);
        }
        Ok(())
    }

    fn apply(&self, count: usize) -> Outcome<Duration> {
        let start = Instant::now();
        run_logged(
            &mut self.windlass(count, &["apply", "--auto-approve"]),
            &self.folder.path().join("apply.log"),
        )?;
        Ok(start.elapsed())
    }

    /// A benchmark of a run that does something would be wrong, so this is checked before measuring.
    fn expect_no_changes(&self, count: usize) -> Outcome {
        let mut plan = self.windlass(count, &["plan", "--detailed-exitcode"]);
        run_logged(&mut plan, &self.folder.path().join("plan.log"))
    }

    fn windlass(&self, count: usize, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--local")
            .args(arguments)
            .current_dir(self.workspace(count));
        command
    }

    fn workspace(&self, count: usize) -> PathBuf {
        self.folder.path().join(format!("workspace-{count}"))
    }

    /// Puts the script and the two commands it calls where it finds no others.
    fn write_script(&self) -> Outcome {
        let programs = self.folder.path().join("bin");
        fs::create_dir(&programs)?;
        symlink(&self.testbed.docker, programs.join("docker"))?;
        symlink(
            self.testbed.python.with_file_name("aws"),
            programs.join("aws"),
        )?;
        fs::write(self.folder.path().join("push.sh"), SCRIPT)?;
        Ok(())
    }

    fn script(&self, image: usize) -> Outcome<Duration> {
        let largest = COUNTS[COUNTS.len() - 1];
        let context = self.workspace(largest).join(image_name(image));
        let path = std::env::var("PATH").unwrap_or_default();
        let host = format!("127.0.0.1:{}", self.ecr.port);
        let mut command = Command::new("bash");
        command
            .arg(self.folder.path().join("push.sh"))
            .current_dir(context)
            .env(
                "PATH",
                format!("{}:{path}", self.folder.path().join("bin").display()),
            )
            .env("IMAGE_NAME", format!("script-{}", image_name(image)))
            .env("VERSION", "v1")
            .env("BENCH_REGISTRY", &host)
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ENDPOINT_URL", format!("http://{host}"))
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_CONFIG_FILE", self.folder.path().join("aws-config"))
            .env("DOCKER_BUILDKIT", "1")
            .env("DOCKER_CONFIG", self.folder.path().join("docker-config"));
        let start = Instant::now();
        run_logged(&mut command, &self.folder.path().join("script.log"))?;
        Ok(start.elapsed())
    }

    fn remove_images(&self) -> Outcome {
        let log = self.folder.path().join("remove.log");
        remove_images(&self.testbed, &self.label, &log)
    }
}

/// Removes the images of a run from the Engine.
pub(crate) fn remove_images(testbed: &Testbed, label: &str, log: &Path) -> Outcome {
    let filter = format!("label=windlass.bench={label}");
    let listed = read_output(
        testbed
            .docker()
            .args(["image", "ls", "--quiet", "--filter", &filter]),
    )?;
    let mut ids: Vec<&str> = listed.lines().collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let mut remove = testbed.docker();
    remove.args(["image", "rm", "--force"]).args(ids);
    run_logged(&mut remove, log)
}

/// A `windlass local` process, ended when this goes out of scope.
pub(crate) struct LocalEcr {
    process: Child,
    pub(crate) port: u16,
}

impl LocalEcr {
    pub(crate) fn start(binary: &Path, folder: &Path) -> Outcome<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = fs::File::create(folder.join("local.log"))?;
        let process = Command::new(binary)
            .args([
                "local",
                "--port",
                &port.to_string(),
                "--account",
                ACCOUNT,
                "--region",
                REGION,
                "--data",
            ])
            .arg(folder.join("ecr"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn()
            .doing("windlass local")?;
        let ecr = Self { process, port };
        let limit = Instant::now() + Duration::from_secs(20);
        while request(
            &Address::Tcp(format!("127.0.0.1:{port}")),
            "GET",
            "/v2/",
            "*/*",
        )
        .is_err()
        {
            if Instant::now() > limit {
                let log = crate::shell::last_lines(&folder.join("local.log"));
                return Err(Failure::new(format!(
                    "`windlass local` does not answer on port {port}:\n{log}"
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(ecr)
    }
}

impl Drop for LocalEcr {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub(crate) fn image_name(number: usize) -> String {
    format!("image-{number:03}")
}

/// Writes a workspace of small images, one context each.
pub(crate) fn write_workspace(folder: &Path, count: usize, label: &str) -> Outcome {
    fs::create_dir(folder)?;
    let mut manifest = format!(
        "workspace \"bench\"\n\nregistry \"main\" {{\n    account \"{ACCOUNT}\"\n    region \"{REGION}\"\n}}\n\n\
         defaults {{\n    image {{\n        target \"main\"\n        tag \"v1\" \"latest\"\n    }}\n}}\n"
    );
    for number in 1..=count {
        let name = image_name(number);
        writeln!(manifest, "\nimage \"{name}\" {{ context \"{name}\" }}")
            .expect("a string takes all text");
        let context = folder.join(&name);
        fs::create_dir(&context)?;
        fs::write(
            context.join("content.txt"),
            format!("{label} {count} {name}\n"),
        )?;
        let dockerfile =
            format!("FROM scratch\nLABEL windlass.bench={label}\nCOPY content.txt /content.txt\n");
        fs::write(context.join("Dockerfile"), dockerfile)?;
    }
    fs::write(folder.join("windlass.kdl"), manifest)?;
    Ok(())
}

/// Prints the table and returns the ratio at the largest count.
fn report(times: &Times) -> f64 {
    let script = median(&times.script);
    print("| images | `windlass apply`, nothing to do | push script for each image | ratio |");
    print("| ---: | ---: | ---: | ---: |");
    let mut ratio = 0.0;
    for (count, measured) in COUNTS.iter().zip(&times.windlass) {
        let windlass = median(measured);
        let images = u32::try_from(*count).expect("the counts are small");
        ratio = (script * images).as_secs_f64() / windlass.as_secs_f64();
        let seconds = |time: Duration| format!("{:.3} s", time.as_secs_f64());
        print(&format!(
            "| {count} | {} | {} | {ratio:.0} |",
            seconds(windlass),
            seconds(script * images)
        ));
    }
    print(&format!(
        "\nMedians of {ROUNDS} rounds in one run; the script was measured for {} single images ({:.3} s each) and multiplied.",
        times.script.len(),
        script.as_secs_f64()
    ));
    ratio
}

pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let times = [40, 10, 30, 20].map(Duration::from_millis);
        assert_eq!(median(&times), Duration::from_millis(25));
        assert_eq!(median(&times[..3]), Duration::from_millis(30));
    }

    #[test]
    fn writes_one_context_for_each_image() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        write_workspace(&workspace, 3, "run").unwrap();
        let manifest = fs::read_to_string(workspace.join("windlass.kdl")).unwrap();
        assert_eq!(manifest.matches("\nimage ").count(), 3);
        for name in ["image-001", "image-002", "image-003"] {
            assert!(workspace.join(name).join("Dockerfile").is_file(), "{name}");
        }
    }
}
