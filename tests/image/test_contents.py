"""What is in the images, and what is not."""

from __future__ import annotations

import re
import tomllib
import zlib
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support import gateway, rootfs
from tests.support.lab import Lab, Spec
from tests.support.rootfs import Entry

Files = dict[str, Entry]
UI = "/var/lib/litellm/ui"
LISTED = Path(__file__).resolve().parents[2] / "requirements/packages.toml"
HOST_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
HOST_PACKAGE = Path("/usr/share/ca-certificates")
TOOLS = re.compile(
    r"(.*-)?(gcc|g\+\+|cc|c\+\+|cpp|clang|ld|as|make|cmake|rustc|cargo|go|tsc)(-[\d.]+)?"
    r"|(pip|pip3|uv|uvx|npm|npx|yarn|pnpm|corepack|apt|apt-get|aptitude|easy_install)(-?[\d.]+)?|dpkg.*"
)
UNCHECKED_HASH = 0b01
PROGRAMS = Path(__file__).resolve().parents[2] / "docker/base/programs.txt"
# Folders that hold files, each with the reason; and those that are empty, for what is mounted there.
TREES = {
    "/app": "the working directory, where a config is mounted",
    "/etc": "certificates, names of users, hosts and protocols; /etc/slipway is where hooks are mounted",
    "/opt/slipway": "the gateway",
    "/root": "the shell's files of a user that nobody is",
    "/usr": "what the programs need",
    "/var/lib/dpkg": "the list of packages, by which scanners know them",
    "/var/lib/litellm": "the admin UI",
    "/var/lib/python": "what Debian's Python notes when it is configured",
    "/var/lib/shells.state": "Debian's list of shells",
    "/var/lock": "a link to /run/lock",
    "/var/run": "a link to /run",
    "/var/spool/mail": "a link to an empty folder",
}
# Of the kernel and of the engine.
MOUNTED = ("/dev/", "/proc/", "/sys/", "/run/", "/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


@pytest.fixture(scope="module")
def full(client: docker.DockerClient, image: str) -> Files:
    return rootfs.read(client, image)


@pytest.fixture(scope="module")
def slim(client: docker.DockerClient, slim_image: str) -> Files:
    return rootfs.read(client, slim_image)


@pytest.fixture(scope="module", params=["full", "slim"])
def files(request: pytest.FixtureRequest) -> Files:
    found: Files = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module", params=["image", "slim_image"])
def settings(request: pytest.FixtureRequest, client: docker.DockerClient) -> dict[str, Any]:
    """The image's own configuration."""
    found: dict[str, Any] = client.images.get(request.getfixturevalue(request.param)).attrs["Config"]
    return found


def test_no_file_takes_another_identity(files: Files) -> None:
    assert [path for path, entry in files.items() if entry.takes_identity] == []


def test_no_file_gives_capabilities(files: Files) -> None:
    assert [path for path, entry in files.items() if entry.gives_capabilities] == []


@pytest.mark.parametrize("name", ["full", "slim"])
def test_the_programs_are_those_of_the_list(name: str, request: pytest.FixtureRequest) -> None:
    files: Files = request.getfixturevalue(name)
    text = re.sub(r"#.*", "", PROGRAMS.read_text(encoding="utf-8"))
    listed = set(text.split()) - ({"node", "nodejs"} if name == "slim" else set())
    found = {path.rpartition("/")[2] for path in files if re.fullmatch(r"/usr/s?bin/[^/]+", path)}
    assert found == listed


def test_every_group_of_programs_has_its_reason() -> None:
    reason = ""
    for line in PROGRAMS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            reason = line
        else:
            assert len(reason) > 20 or "  # " in line, line


def test_nothing_lies_where_nobody_said_why(files: Files) -> None:
    held = {path for path, entry in files.items() if not entry.is_directory and not path.startswith(MOUNTED)}
    top = {path for path in files if re.fullmatch(r"/[^/]+", path) and not files[path].is_directory}
    # Links of a merged /usr.
    assert top - {"/.dockerenv"} == {"/bin", "/lib", "/lib64", "/sbin"}
    assert sorted(path for path in held - top if not path.startswith(tuple(TREES))) == []


def test_only_folders_for_everybodys_files_can_be_written_by_everybody(files: Files) -> None:
    found = {path: entry.mode for path, entry in files.items() if entry.mode & 0o002 and not entry.is_link}
    assert set(found) <= {"/tmp", "/var/tmp", "/run/lock"}
    # Nobody may take another's file away there.
    assert all(mode & 0o1000 for mode in found.values())


def test_no_compiler_and_no_package_manager(files: Files) -> None:
    programs = [
        path for path, entry in files.items() if re.search(r"/s?bin/[^/]+$", path) and TOOLS.fullmatch(entry.name)
    ]
    assert programs == []
    modules = re.compile(
        r"/(site|dist)-packages/(pip|uv|setuptools)(-[\d.]+\.dist-info)?$|/(pip|setuptools)-[^/]*\.whl$"
    )
    assert [path for path in files if modules.search(path)] == []


def test_nothing_is_left_for_a_package_manager_to_run(files: Files) -> None:
    scripts = re.compile(r"/var/lib/dpkg/info/.*\.(preinst|postinst|prerm|postrm|triggers)")
    assert [path for path in files if scripts.fullmatch(path)] == []


def test_no_package_lists_and_no_caches(files: Files) -> None:
    places = ("/var/lib/apt/lists/", "/var/cache/apt/", "/root/.cache", "/root/.npm", "/var/lib/slipway/.cache")
    kept = [path for path, entry in files.items() if path.startswith(places) and entry.is_file and entry.size]
    assert kept == []


def test_nothing_of_the_application_is_writable_for_the_user(files: Files) -> None:
    """Group 0 is what an arbitrary uid has."""
    places = ("/opt/", "/usr/", "/etc/", UI)
    writable = [
        path
        for path, entry in files.items()
        if path.startswith(places) and (entry.is_file or entry.is_directory) and (entry.mode & 0o022 or entry.uid != 0)
    ]
    assert writable == []


def test_bytecode_is_there_for_every_module_and_never_checked_against_the_source(files: Files) -> None:
    sources = [path for path in files if re.match(r"/opt/slipway/.*/(litellm|slipway|fastapi|openai)/.*\.py$", path)]
    assert len(sources) > 1000
    missing = []
    for source in sources:
        folder, _, name = source.rpartition("/")
        if not any(path in files for path in _bytecode(folder, name.removesuffix(".py"))):
            missing.append(source)
    assert missing == []
    compiled = [entry for path, entry in files.items() if path.startswith("/opt/slipway/") and path.endswith(".pyc")]
    checked = [entry.path for entry in compiled if int.from_bytes(entry.head[4:8], "little") != UNCHECKED_HASH]
    assert checked == []


def _bytecode(folder: str, module: str) -> list[str]:
    return [f"{folder}/__pycache__/{module}.cpython-3{minor}.pyc" for minor in range(11, 16)]


def test_the_proprietary_package_is_absent(files: Files) -> None:
    assert [path for path in files if re.search(r"litellm[_-]enterprise", path)] == []


def test_the_gateway_does_not_miss_the_proprietary_package(lab: Lab) -> None:
    """The licence check and the callbacks, the parts of the proxy that ask for it, load without it."""
    code = "import importlib.util as u, litellm.proxy.proxy_server; assert not u.find_spec('litellm_enterprise')"
    done = lab.once(Spec(command=("python", "-c", code)))
    assert done.code == 0, done.output


def test_the_installed_packages_are_those_of_the_list(full: Files, slim: Files) -> None:
    listed = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    assert _installed(slim) == set(listed["slim"])
    assert _installed(full) == set(listed["slim"]) | set(listed["full"])


def _installed(files: Files) -> set[str]:
    found = (re.search(r"/site-packages/([^/]+)-[^-/]+\.dist-info/METADATA$", path) for path in files)
    return {re.sub(r"[-_.]+", "-", match[1]).lower() for match in found if match}


def test_metadata_and_licences_of_packages_are_kept(files: Files) -> None:
    folders = {path.rpartition("/")[0] for path in files if re.search(r"\.dist-info/[^/]+$", path)}
    folders = {folder for folder in folders if folder.endswith(".dist-info")}
    assert [folder for folder in folders if not {f"{folder}/METADATA", f"{folder}/RECORD"} <= files.keys()] == []
    licences = [path for path in files if re.search(r"\.dist-info/(.*/)?(LICEN[CS]E|COPYING|NOTICE)", path)]
    assert len(licences) > 100


def test_nothing_is_there_for_type_checkers_and_compilers(files: Files) -> None:
    kept = [
        path for path in files if path.startswith("/opt/slipway/venv/") and re.search(r"\.(pyi|pyx|pxd|h|c)$", path)
    ]
    assert kept == []


def test_every_native_library_loads_without_its_symbols(lab: Lab) -> None:
    """The build strips them; what a linker patched does not always survive that."""
    code = (
        "import ctypes, pathlib, sys\n"
        "found = sorted(pathlib.Path(sys.prefix, 'lib').rglob('*.so'))\n"
        "for path in found: ctypes.CDLL(str(path))\n"
        "print(len(found))"
    )
    done = lab.once(Spec(command=("python", "-c", code)))
    assert done.code == 0, done.output
    assert int(done.stdout) > 30


def test_recordings_are_measured_without_numpy(lab: Lab) -> None:
    code = (
        "import io, wave\n"
        "data = io.BytesIO()\n"
        "file = wave.open(data, 'wb')\n"
        "file.setparams((1, 2, 8000, 0, 'NONE', '')); file.writeframes(bytes(16000)); file.close()\n"
        "from litellm.litellm_core_utils.audio_utils.utils import calculate_request_duration as measure\n"
        "print(measure(('a.wav', data.getvalue())))"
    )
    done = lab.once(Spec(command=("python", "-c", code)))
    assert (done.code, done.stdout) == (0, "1.0\n"), done.output


def test_certificates_are_those_of_the_distribution_only(files: Files) -> None:
    packaged = _certificates(files, "/usr/share/ca-certificates/")
    assert packaged
    assert _certificates(files, "/etc/ssl/") <= packaged
    assert [path for path, entry in files.items() if path.startswith("/usr/local/share/ca-certificates/")] == []


def test_no_certificate_of_the_build_host_is_inside(files: Files) -> None:
    bundle = rootfs.certificates(HOST_BUNDLE.read_bytes())
    packaged = [rootfs.certificates(path.read_bytes()) for path in HOST_PACKAGE.rglob("*.crt")]
    own = bundle - frozenset().union(*packaged)
    assert own & _certificates(files, "/") == frozenset()


def _certificates(files: Files, place: str) -> frozenset[bytes]:
    return frozenset().union(*(entry.certificates for path, entry in files.items() if path.startswith(place)))


def test_labels_say_what_the_image_is(settings: dict[str, Any], client: docker.DockerClient, image: str) -> None:
    labels = settings["Labels"] or {}
    names = ("title", "description", "version", "revision", "source", "licenses", "base.name")
    assert [name for name in names if not labels.get(f"org.opencontainers.image.{name}")] == []


def test_the_image_declares_how_it_is_run(settings: dict[str, Any]) -> None:
    assert settings["Entrypoint"][0].endswith("tini")
    assert settings["StopSignal"] == "SIGTERM"
    assert settings["WorkingDir"] == "/app"
    assert {"4000/tcp", "4001/tcp"} <= set(settings["ExposedPorts"])
    assert re.fullmatch(r"[1-9]\d*:0", settings["User"])


def test_the_healthcheck_is_our_own_command(settings: dict[str, Any]) -> None:
    command = " ".join(settings["Healthcheck"]["Test"])
    assert "healthcheck" in command
    assert not re.search(r"\b(curl|wget)\b", command)


def test_the_environment_names_no_secret_and_no_build_certificate(settings: dict[str, Any]) -> None:
    names = [entry.partition("=")[0] for entry in settings["Env"]]
    assert [
        name
        for name in names
        if re.search(r"CA_BUNDLE|SSL_CERT_|EXTRA_CA|_KEY$|TOKEN|PASSWORD|(?i:https?_proxy)", name)
    ] == []
    assert "PYTHONDONTWRITEBYTECODE" not in names


def test_home_resolves_for_an_unknown_uid(lab: Lab) -> None:
    code = "import pathlib; home = pathlib.Path.home(); assert home.is_dir(), home; print(home)"
    done = lab.once(Spec(command=("python", "-c", code), user="54321:0", read_only=True))
    assert (done.code, done.stdout) == (0, "/var/lib/slipway\n"), done.output


@pytest.mark.parametrize("command", ["openssl version", "cat /etc/os-release"])
def test_the_commands_that_the_database_client_runs_are_there(lab: Lab, command: str) -> None:
    done = lab.once(Spec(command=tuple(command.split())))
    assert done.code == 0, done.output


def test_the_ui_is_there_once_with_its_marker(full: Files) -> None:
    assert f"{UI}/.litellm_ui_ready" in full
    assert f"{UI}/index.html" in full
    assert [path for path in full if path.endswith("/_next/static")] == [f"{UI}/_next/static"]
    assert [path for path in full if path.startswith("/var/lib/litellm/assets/")]


def test_slim_has_no_ui_no_node_and_no_database(slim: Files) -> None:
    unwanted = re.compile(r"/var/lib/litellm/ui/.|/_next/|/bin/(node|nodejs|prisma)$|/(site-packages|opt)/prisma(/|$)")
    assert [path for path in slim if unwanted.search(path)] == []


def test_slim_answers_without_what_it_left_out(client: docker.DockerClient, slim_image: str, directory: Path) -> None:
    with Lab(client, slim_image) as lab:
        running = gateway.start(lab, directory)
        assert running.ask() == "mocked answer"
        assert "Traceback" not in running.box.logs()


def test_slim_says_which_image_has_what_a_config_asks_for(
    client: docker.DockerClient, slim_image: str, directory: Path
) -> None:
    config = gateway.CONFIG + "litellm_settings: {callbacks: [focus, langfuse], failure_callback: [sentry]}\n"
    with Lab(client, slim_image) as lab:
        done = lab.once(gateway.specify(directory, config=config))
    assert done.code == 65, done.output
    lines = done.output.splitlines()
    for package, asked, image in (
        ("polars", "focus", "complete"),
        ("langfuse", "langfuse", "full"),
        ("sentry-sdk", "sentry", "full"),
    ):
        found = [index for index, line in enumerate(lines) if f"has no {package}, which {asked} in" in line]
        assert found, done.output
        # Below it stands why, then the fix.
        assert f"Use the {image} image" in lines[found[0] + 2]


def test_an_edit_of_the_entrypoint_changes_under_1_mb_of_layers(client: docker.DockerClient, image: str) -> None:
    assert "/opt/slipway" in client.images.get(image).history()[0]["CreatedBy"]
    # As registries keep it and nodes pull it; the start script and the command beside it are some lines.
    container = client.containers.create(image)
    try:
        archive, _ = container.get_archive("/opt/slipway/app")
        pack = zlib.compressobj(wbits=31)
        packed = sum(len(pack.compress(chunk)) for chunk in archive) + len(pack.flush())
    finally:
        container.remove()
    assert packed < 990_000
