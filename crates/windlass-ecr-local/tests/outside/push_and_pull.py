"""Judges the registry plane with skopeo and Docker. Usage: push_and_pull.py http://127.0.0.1:PORT REGION

Images are made here, byte by byte, as OCI layouts: a single one, and an index with two platforms and an attestation.
Every digest that skopeo or Docker reports is compared with the one that the API reports.
WINDLASS_TEST_DOCKER names the Docker CLI; the default is `docker`.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback

import boto3
from botocore.config import Config

ENDPOINT, REGION = sys.argv[1], sys.argv[2]
HOST = ENDPOINT.removeprefix("http://")
DOCKER_CLI = os.environ.get("WINDLASS_TEST_DOCKER", "docker")
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

ecr = boto3.client(
    "ecr",
    endpoint_url=ENDPOINT,
    region_name=REGION,
    aws_access_key_id="000000000000",
    aws_secret_access_key="local",
    config=Config(retries={"max_attempts": 10, "mode": "standard"}),
)
token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
PASSWORD = base64.b64decode(token).decode().split(":", 1)[1]


def run(*command, **options):
    """Runs a command that must succeed, and returns what it printed."""
    done = subprocess.run(command, capture_output=True, timeout=300, **options)
    if done.returncode != 0:
        shown = " ".join(command).replace(PASSWORD, "<token>")
        raise AssertionError(f"{shown}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout


def fails(*command):
    """Runs a command that must fail, and returns what it printed."""
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode != 0, "the command succeeded"
    return (done.stdout + done.stderr).decode()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def repository(name, **settings):
    ecr.create_repository(repositoryName=name, **settings)
    for _ in range(100):
        try:
            ecr.describe_repositories(repositoryNames=[name])
            return
        except ecr.exceptions.RepositoryNotFoundException:
            time.sleep(0.01)


def stored(name, tag):
    """Returns what the API says about a tag: digest, media type, body."""
    accepted = [OCI, INDEX, DOCKER, LIST]
    answer = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}], acceptedMediaTypes=accepted)
    image = answer["images"][0]
    assert digest(image["imageManifest"].encode()) == image["imageId"]["imageDigest"]
    return image["imageId"]["imageDigest"], image["imageManifestMediaType"], image["imageManifest"]


class Layout:
    """An OCI layout on disk."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        (self.path / "blobs/sha256").mkdir(parents=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, media_type, **extra):
        (self.path / "blobs/sha256" / digest(data)[7:]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest(data), "size": len(data), **extra}

    def image(self, architecture, content):
        """Writes an image that holds one file, and returns its descriptor."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("hello.txt")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        plain = archive.getvalue()
        layer = self.blob(gzip.compress(plain, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
        }
        config = self.blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}
        return self.blob(json.dumps(manifest).encode(), OCI, platform={"architecture": architecture, "os": "linux"})

    def attestation(self, subject):
        """Writes what BuildKit puts beside an image, and returns its descriptor."""
        statement = self.blob(b'{"_type":"https://in-toto.io/Statement/v0.1"}', "application/vnd.in-toto+json")
        config = b'{"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":["%s"]}}'
        config = self.blob(config % statement["digest"].encode(), "application/vnd.oci.image.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [statement]}
        annotations = {
            "vnd.docker.reference.digest": subject["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }
        platform = {"architecture": "unknown", "os": "unknown"}
        return self.blob(json.dumps(manifest).encode(), OCI, annotations=annotations, platform=platform)

    def name(self, descriptor, tag):
        """Gives a descriptor the name under which it is copied."""
        entry = {key: value for key, value in descriptor.items() if key != "platform"}
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        return f"oci:{self.path}:{tag}"


def skopeo_push(source, target, *options):
    policy = ["--insecure-policy"]
    options = [*options, "--dest-tls-verify=false", "--dest-creds", f"AWS:{PASSWORD}"]
    return ["skopeo", *policy, "copy", *options, source, f"docker://{HOST}/{target}"]


def skopeo_read(target, *options):
    return run("skopeo", "inspect", "--raw", "--tls-verify=false", "--creds", f"AWS:{PASSWORD}", *options, f"docker://{HOST}/{target}")


def single(folder, content):
    layout = Layout(folder)
    return layout.name(layout.image("amd64", content), "one")


def test_skopeo_single_image(folder):
    repository("skopeo/single")
    run(*skopeo_push(single(folder, b"single"), "skopeo/single:1"))
    found, media_type, body = stored("skopeo/single", "1")
    assert media_type == OCI
    assert digest(skopeo_read("skopeo/single:1")) == found
    assert skopeo_read(f"skopeo/single@{found}").decode() == body
    back = f"oci:{folder}-back:one"
    run("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--src-creds", f"AWS:{PASSWORD}",
        f"docker://{HOST}/skopeo/single:1", back)
    index = json.loads(pathlib.Path(f"{folder}-back/index.json").read_text())
    assert index["manifests"][0]["digest"] == found


def test_skopeo_docker_format(folder):
    repository("skopeo/docker")
    run(*skopeo_push(single(folder, b"docker format"), "skopeo/docker:1", "--format", "v2s2"))
    found, media_type, _ = stored("skopeo/docker", "1")
    assert media_type == DOCKER
    assert digest(skopeo_read("skopeo/docker:1")) == found


def test_skopeo_index_with_an_attestation(folder):
    repository("skopeo/index")
    layout = Layout(folder)
    images = [layout.image("amd64", b"amd64"), layout.image("arm64", b"arm64")]
    images.append(layout.attestation(images[0]))
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}).encode()
    source = layout.name(layout.blob(index, INDEX), "all")
    run(*skopeo_push(source, "skopeo/index:1", "--all"))
    found, media_type, _ = stored("skopeo/index", "1")
    assert (found, media_type) == (digest(index), INDEX)
    assert skopeo_read("skopeo/index:1") == index
    details = ecr.describe_images(repositoryName="skopeo/index")["imageDetails"]
    assert len(details) == 4
    assert [detail.get("imageTags") for detail in details if detail["imageDigest"] == found] == [["1"]]
    sizes = {detail["imageDigest"]: detail["imageSizeInBytes"] for detail in details}
    assert sizes[found] == max(size for child, size in sizes.items() if child != found)


def test_skopeo_sees_an_immutable_tag(folder):
    repository("skopeo/immutable", imageTagMutability="IMMUTABLE")
    source = single(folder, b"immutable")
    run(*skopeo_push(source, "skopeo/immutable:1"))
    text = fails(*skopeo_push(source, "skopeo/immutable:1"))
    assert "cannot be overwritten" in text, text
    text = fails(*skopeo_push(source, "skopeo/absent:1"))
    assert "does not exist in the registry" in text or "name unknown" in text.lower(), text


def docker(config, *command, **options):
    environment = dict(os.environ, DOCKER_CONFIG=config)
    return run(DOCKER_CLI, *command, env=environment, **options)


def test_docker_push_and_pull(folder):
    repository("docker/app")
    config = f"{folder}-config"
    os.mkdir(config)
    docker(config, "login", "--username", "AWS", "--password-stdin", HOST, input=PASSWORD.encode())
    image = f"{HOST}/docker/app:1"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("data.bin")
        data = os.urandom(3_000_000)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    docker(config, "import", "--change", "LABEL dev.windlass.test=ecr-local", "-", image, input=archive.getvalue())
    try:
        pushed = docker(config, "push", image).decode()
        found, media_type, _ = stored("docker/app", "1")
        assert media_type == DOCKER
        assert f"digest: {found}" in pushed, pushed
        before = docker(config, "image", "inspect", "--format", "{{.Id}}", image)
        docker(config, "push", image)
        docker(config, "image", "rm", "--force", image)
        docker(config, "pull", image)
        assert docker(config, "image", "inspect", "--format", "{{.Id}}", image) == before
        digests = docker(config, "image", "inspect", "--format", "{{.RepoDigests}}", image).decode()
        assert found in digests, digests
        docker(config, "image", "rm", "--force", image)
        docker(config, "pull", f"{HOST}/docker/app@{found}")
    finally:
        subprocess.run([DOCKER_CLI, "image", "rm", "--force", image, f"{HOST}/docker/app@{found}"], capture_output=True)


def test_docker_without_a_login_is_refused(folder):
    environment = dict(os.environ, DOCKER_CONFIG=str(folder))
    done = subprocess.run([DOCKER_CLI, "pull", f"{HOST}/docker/app:1"], capture_output=True, env=environment)
    assert done.returncode != 0
    text = done.stderr.decode().lower()
    assert "no basic auth credentials" in text or "authorized" in text or "denied" in text, text


def main():
    failed = 0
    for name, check in list(globals().items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(pathlib.Path(folder) / "work")
                print(f"ok      {name}")
            except Exception:
                failed += 1
                print(f"FAILED  {name}")
                traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)


main()
