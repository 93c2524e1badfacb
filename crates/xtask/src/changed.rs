//! `cargo xtask bench changed`: what an apply costs when one image of many changed, against `docker build` and `docker push` of that image.
//!
//! Both sides build the same content from the same Dockerfile, in turn, with the same Engine, and push to the same local ECR. Docker is signed
//! in before, so its side is the two commands alone; windlass reads the manifest, all contexts and all repositories as always.
//!
//! The sides do not take turns strictly. The Engine collects its garbage when it has allocated as much as it holds: with some thousand images about
//! once in two builds, for 50 to 90 ms (`GODEBUG=gctrace=1 dockerd`). Where they did, one of them paid for both, the same one for
//! a whole run.

use crate::bench::{self, ACCOUNT, LocalEcr, REGION, image_name, median, write_workspace};
use crate::demo::release_binary;
use crate::failure::{Failure, Outcome};
use crate::setup::{self, Testbed};
use crate::shell::{print, read_output, run_logged, say, timed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const IMAGES: usize = 100;
const ROUNDS: usize = 15;
/// The turns of the rounds: each side has two in a round, and its time is their mean.
const TURNS: [[Side; 4]; 6] = {
    use Side::{Docker as D, Windlass as W};
    [
        [W, D, D, W],
        [D, D, W, W],
        [D, W, D, W],
        [W, W, D, D],
        [D, W, W, D],
        [W, D, W, D],
    ]
};
/// MiB of the file that changes: next to nothing, and an application. It cannot be compressed, so that both sides really send it.
const SIZES: [usize; 2] = [1, 16];
/// How long ECR is left alone before each side: it takes ten `PutImage` a second, and a side pays for its own alone.
const REST: Duration = Duration::from_secs(1);
/// How many times as long as Docker windlass may take.
const REACH: f64 = 1.15;

struct Changed {
    testbed: Testbed,
    binary: PathBuf,
    folder: tempfile::TempDir,
    label: String,
    ecr: LocalEcr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Windlass,
    Docker,
}

/// Medians of one size.
struct Measured {
    size: usize,
    windlass: Duration,
    docker: Duration,
}

/// Runs the benchmark and prints its table. Fails where the reach is missed.
pub(crate) fn run() -> Outcome<ExitCode> {
    let changed = Changed::prepare()?;
    let measured = changed.measure();
    changed.remove_images()?;
    let ratio = report(&measured?);
    if ratio > REACH {
        say(&format!("{ratio:.2} is above the reach of {REACH}"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

impl Changed {
    fn prepare() -> Outcome<Self> {
        let testbed = setup::run()?;
        let binary = release_binary()?;
        let folder = tempfile::Builder::new()
            .prefix("windlass-changed-")
            .tempdir()?;
        let name = folder.path().file_name().unwrap_or_default();
        let label = name.to_string_lossy().into_owned();
        let ecr = LocalEcr::start(&binary, folder.path())?;
        let changed = Self {
            testbed,
            binary,
            folder,
            label,
            ecr,
        };
        write_workspace(&changed.workspace(), IMAGES, &changed.label)?;
        changed.name_endpoint()?;
        let alone = changed.alone();
        fs::create_dir(&alone)?;
        fs::copy(
            changed.workspace().join(image_name(1)).join("Dockerfile"),
            alone.join("Dockerfile"),
        )?;
        changed.sign_in()?;
        Ok(changed)
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// The context that Docker builds.
    fn alone(&self) -> PathBuf {
        self.folder.path().join("alone")
    }

    /// Lets windlass reach the same server as Docker, instead of playing one itself.
    fn name_endpoint(&self) -> Outcome {
        let path = self.workspace().join("windlass.kdl");
        let region = format!("    region \"{REGION}\"\n");
        let url = format!("http://{}", self.host());
        let endpoint =
            format!("{region}    endpoint ecr=\"{url}\" sts=\"{url}\" tagging=\"{url}\"\n");
        let manifest = fs::read_to_string(&path)?;
        fs::write(&path, manifest.replace(&region, &endpoint))?;
        Ok(())
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.ecr.port)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Makes the repository that Docker pushes to, and signs in.
    fn sign_in(&self) -> Outcome {
        let aws = self.testbed.python.with_file_name("aws");
        let call = |arguments: &[&str]| {
            let mut command = Command::new(&aws);
            command
                .args(["ecr", "--endpoint-url", &format!("http://{}", self.host())])
                .args(arguments)
                .env("AWS_ACCESS_KEY_ID", ACCOUNT)
                .env("AWS_SECRET_ACCESS_KEY", "local")
                .env("AWS_REGION", REGION)
                .env("AWS_DEFAULT_REGION", REGION);
            read_output(&mut command)
        };
        call(&["create-repository", "--repository-name", "alone"])?;
        let password = call(&["get-login-password"])?;
        let file = self.folder.path().join("password");
        fs::write(&file, password)?;
        let mut login = self.docker(&["login", "--username", "AWS", "--password-stdin"]);
        login.arg(self.host()).stdin(fs::File::open(&file)?);
        let status = login
            .stdout(fs::File::create(self.log())?)
            .stderr(fs::File::create(self.log())?)
            .status()?;
        fs::remove_file(&file)?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new("docker login failed"))
        }
    }

    fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.testbed.docker);
        command
            .args(arguments)
            .env("DOCKER_BUILDKIT", "1")
            .env("DOCKER_CONFIG", self.folder.path().join("docker-config"));
        command
    }

    fn measure(&self) -> Outcome<Vec<Measured>> {
        timed(&format!("first apply of {IMAGES} images"), || {
            self.apply().map(drop)
        })?;
        let all = SIZES.into_iter().map(|size| {
            timed(&format!("{ROUNDS} rounds of {size} MiB"), || {
                self.measure_size(size)
            })
        });
        all.collect()
    }

    fn measure_size(&self, size: usize) -> Outcome<Measured> {
        let (mut windlass, mut docker) = (Vec::new(), Vec::new());
        // The first round warms both sides up and is not counted.
        for round in 0..=ROUNDS {
            let mut took = [Duration::ZERO; 2];
            for (turn, side) in TURNS[round % TURNS.len()].into_iter().enumerate() {
                took[side as usize] += self.measure_turn(side, size, 4 * round + turn)?;
            }
            if round > 0 {
                windlass.push(took[Side::Windlass as usize] / 2);
                docker.push(took[Side::Docker as usize] / 2);
            }
        }
        let mut plan = self.windlass(&["plan", "--detailed-exitcode"]);
        run_logged(&mut plan, &self.log())?;
        Ok(Measured {
            size,
            windlass: median(&windlass),
            docker: median(&docker),
        })
    }

    fn measure_turn(&self, whose: Side, size: usize, turn: usize) -> Outcome<Duration> {
        let context = match whose {
            Side::Windlass => self.workspace().join(image_name(1)),
            Side::Docker => self.alone(),
        };
        write_content(&context, size, turn)?;
        std::thread::sleep(REST);
        match whose {
            Side::Windlass => self.apply(),
            Side::Docker => self.build_and_push(),
        }
    }

    fn apply(&self) -> Outcome<Duration> {
        let mut apply = self.windlass(&["apply", "--auto-approve"]);
        let start = Instant::now();
        run_logged(&mut apply, &self.log())?;
        Ok(start.elapsed())
    }

    fn windlass(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(self.workspace())
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    fn build_and_push(&self) -> Outcome<Duration> {
        let tag = format!("{}/alone:v1", self.host());
        let mut build = self.docker(&["build", "--quiet", "--tag", &tag, "."]);
        build.current_dir(self.alone());
        let mut push = self.docker(&["push", "--quiet", &tag]);
        let start = Instant::now();
        run_logged(&mut build, &self.log())?;
        run_logged(&mut push, &self.log())?;
        Ok(start.elapsed())
    }

    fn remove_images(&self) -> Outcome {
        bench::remove_images(&self.testbed, &self.label, &self.log())
    }
}

/// Writes new content; each turn has its own, so that neither side finds the other's layers.
fn write_content(context: &Path, mib: usize, turn: usize) -> Outcome {
    let mut state = u64::from(std::process::id()) << 32 | (turn as u64) << 8 | 1;
    let wanted = mib << 20;
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    fs::write(context.join("content.txt"), bytes)?;
    Ok(())
}

/// Prints the table and returns the largest ratio.
fn report(measured: &[Measured]) -> f64 {
    print(&format!(
        "| what changed | `windlass apply`, one image of {IMAGES} changed | `docker build` and `docker push` of that image | ratio |"
    ));
    print("| ---: | ---: | ---: | ---: |");
    let mut ratio: f64 = 0.0;
    for it in measured {
        let (ours, theirs) = (it.windlass.as_secs_f64(), it.docker.as_secs_f64());
        let times = ours / theirs;
        print(&format!(
            "| {} MiB | {ours:.3} s | {theirs:.3} s | {times:.2} |",
            it.size
        ));
        ratio = times.max(ratio);
    }
    print(&format!(
        "\nMedians of {ROUNDS} rounds, in each of which both sides had two turns."
    ));
    ratio
}
