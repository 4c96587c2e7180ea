"""Values of variables from files: which files count, what they hold, and how what is wrong with them is said."""

from __future__ import annotations

import io
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as any_of

from slipway import cli, path_variables, secret_files, secrets
from slipway.report import ExitCode, Finding
from slipway.secret_files import Taken, content_of, take, value

EXAMPLES = int(os.environ.get("SLIPWAY_FUZZ_EXAMPLES") or 200)
SENTINEL = "sentinel7d20"
NAME = "OPENAI_API_KEY"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    secrets.remember({})


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A directory of secrets without any, in place of /run/secrets."""
    (tmp_path / "none").mkdir()
    return tmp_path / "none"


def write(path: Path, content: str | bytes, mode: int = 0o640) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def named(path: Path, empty: Path, **others: str) -> dict[str, str]:
    return {f"{NAME}_FILE": str(path), secret_files.DIRECTORY: str(empty), **others}


def ids(taken: Taken) -> list[str]:
    return [finding.id for finding in taken.findings]


def only(taken: Taken) -> Finding:
    assert len(taken.findings) == 1, taken.findings
    return taken.findings[0]


def test_a_variable_names_the_file_of_another_and_a_directory_holds_files_with_their_names(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    write(directory / "ANTHROPIC_API_KEY", "two")
    # As the kubelet mounts them: links into a folder that is swapped.
    real = directory / "..2026" / "MISTRAL_API_KEY"
    real.parent.mkdir()
    write(real, "three")
    (directory / "..data").symlink_to("..2026")
    (directory / "MISTRAL_API_KEY").symlink_to("..data/MISTRAL_API_KEY")
    for other in ("tls.crt", "port", "a-b", "kubernetes.io/token"):
        write(directory / other, "none")
    first = write(tmp_path / "first", "one\n")
    taken = take({f"{NAME}_FILE": str(first), secret_files.DIRECTORY: str(directory), "PORT": "1"})
    assert taken.values == {NAME: "one", "ANTHROPIC_API_KEY": "two", "MISTRAL_API_KEY": "three"}
    assert taken.sources == {
        NAME: f"file named by {NAME}_FILE",
        "ANTHROPIC_API_KEY": f"file {directory}/ANTHROPIC_API_KEY",
        "MISTRAL_API_KEY": f"file {directory}/MISTRAL_API_KEY",
    }
    assert taken.findings == ()


def test_several_directories_are_read(tmp_path: Path) -> None:
    for name in ("ONE", "TWO"):
        write(tmp_path / name.lower() / name, name)
    taken = take({secret_files.DIRECTORY: f"{tmp_path}/one:{tmp_path}/two"})
    assert taken.values == {"ONE": "ONE", "TWO": "TWO"}


def test_one_newline_at_the_end_is_left_out_and_told_to_whoever_asks(tmp_path: Path, empty: Path) -> None:
    for content, expected in (
        ("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("-----BEGIN\nx\n-----END\n", "-----BEGIN\nx\n-----END"),
    ):  # fmt: skip
        taken = take(named(write(tmp_path / "file", content), empty))
        assert taken.values == {NAME: expected}
        assert taken.findings == ()
        assert [finding.id for finding in taken.notes()] == (["secret-file-newline"] if content.endswith("\n") else [])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"\n", "white space"),
        (b" \t\n", "white space"),
        (b" sentinel7d20", "white space"),
        (b"sentinel7d20 ", "white space"),
        (b"sentinel7d20\n\n", "white space"),
        (b"sentinel7d20\0", "NUL"),
        (b"sentinel7d20\xff", "UTF-8"),
        ("sentinel7d20".encode("utf-16"), "UTF-8"),
        (b"\xef\xbb\xbfsentinel7d20", "byte order mark"),
    ],
)
def test_a_content_that_is_no_value_is_refused(tmp_path: Path, empty: Path, content: bytes, word: str) -> None:
    taken = take(named(write(tmp_path / "file", content), empty))
    finding = only(taken)
    assert (finding.id, finding.severity, finding.code) == ("secret-file-content", "error", ExitCode.SECRET)
    assert f"{NAME}_FILE" in finding.what
    assert word in finding.what
    assert SENTINEL not in str(finding)
    assert taken.values == {}


def test_what_is_no_plain_file_is_refused_and_never_waited_for(tmp_path: Path, empty: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path, word in (
            (tmp_path / "pipe", "a pipe"),
            (tmp_path / "socket", "a socket"),
            (tmp_path, "a directory"),
            (Path("/dev/zero"), "a device"),
        ):
            finding = only(take(named(path, empty)))
            assert finding.id == "secret-file-unreadable"
            assert word in finding.what


def test_a_directory_in_place_of_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    finding = only(take({secret_files.DIRECTORY: str(tmp_path)}))
    assert finding.id == "secret-file-unreadable"
    assert "Docker makes one" in finding.what


@pytest.mark.parametrize("path", ["/proc/self/mem", "/proc/self/pagemap", "/proc/1/environ", "/proc/kmsg"])
def test_files_of_the_kernel_end_in_findings(path: str, empty: Path) -> None:
    taken = take(named(Path(path), empty))
    assert set(ids(taken)) <= {"secret-file-unreadable", "secret-file-content", "secret-file-missing"}
    assert taken.findings or taken.values


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path, empty: Path) -> None:
    missing = only(take(named(tmp_path / "absent", empty)))
    assert missing.id == "secret-file-missing"
    assert "SLIPWAY_PATH_VARIABLES" in missing.fix
    large = only(take(named(write(tmp_path / "large", "x" * 100_001), empty)))
    assert large.id == "secret-file-unreadable"
    assert "larger" in large.what
    assert take(named(write(tmp_path / "large", "x" * 100_000), empty)).values


def test_a_value_that_is_no_path_is_taken_for_the_secret_itself_and_not_shown(empty: Path) -> None:
    finding = only(take({f"{NAME}_FILE": SENTINEL, secret_files.DIRECTORY: str(empty)}))
    assert finding.id == "secret-file-missing"
    assert f"call it {NAME}" in finding.fix
    assert SENTINEL not in str(finding)
    hidden = only(take({f"{NAME}_FILE": f"/{SENTINEL}", secret_files.DIRECTORY: str(empty)}))
    assert SENTINEL not in str(hidden)


def test_two_values_are_refused_by_the_names_of_both_places(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    first = write(tmp_path / "first", SENTINEL)
    environment = {f"{NAME}_FILE": str(first), secret_files.DIRECTORY: str(directory)}
    directory.mkdir()
    for others, places in (
        ({NAME: f"{SENTINEL}2"}, (f"variable {NAME}", f"{NAME}_FILE")),
        # Until the file is rotated.
        ({NAME: SENTINEL}, (f"variable {NAME}", f"{NAME}_FILE")),
        ({}, (f"{NAME}_FILE", f"file {directory}/{NAME}")),
    ):
        if not others:
            write(directory / NAME, f"{SENTINEL}3")
        taken = take({**environment, **others})
        finding = only(taken)
        assert (finding.id, finding.severity, finding.code) == ("secret-twice", "error", ExitCode.SECRET)
        assert [place for place in places if place not in finding.what] == []
        assert SENTINEL not in str(finding)
        assert taken.values == {}


@pytest.mark.parametrize("also", ["", "  "])
def test_a_blank_variable_beside_a_file_is_no_contradiction(tmp_path: Path, empty: Path, also: str) -> None:
    taken = take(named(write(tmp_path / "file", "same\n"), empty, **{NAME: also}))
    assert (taken.values, taken.findings) == ({NAME: "same"}, ())


def test_what_a_process_of_the_gateway_has_from_files_is_not_set_twice(tmp_path: Path, empty: Path) -> None:
    environment = named(write(tmp_path / "file", "new"), empty, **{NAME: "old"})
    assert ids(take(environment)) == ["secret-twice"]
    for mark in (secrets.FROM_FILES, secrets.HELD):
        assert take({**environment, mark: f"OTHER,{NAME}"}).values == {NAME: "new"}


def test_a_file_named_by_a_variable_and_by_its_place_is_one(tmp_path: Path) -> None:
    path = write(tmp_path / NAME, "x", mode=0o644)
    taken = take({f"{NAME}_FILE": str(path), secret_files.DIRECTORY: str(tmp_path)})
    assert taken.values == {NAME: "x"}
    assert only(taken).what.count("mode 0644") == 1


def test_files_that_others_may_read_are_warned_of_unless_in_memory(tmp_path: Path, empty: Path) -> None:
    finding = only(take(named(write(tmp_path / "file", "x", mode=0o644), empty)))
    assert (finding.id, finding.severity) == ("secret-file-open", "warning")
    assert take(named(write(tmp_path / "file", "x", mode=0o440), empty)).findings == ()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        # As Kubernetes and Swarm mount them, for this container alone.
        assert take(named(write(Path(memory) / "file", "x", mode=0o444), empty)).findings == ()
        assert ids(take(named(write(Path(memory) / "file", "x", mode=0o666), empty))) == ["secret-file-open"]


def test_variables_that_mean_paths_are_left_alone(tmp_path: Path, empty: Path) -> None:
    file = str(write(tmp_path / "file", "x"))
    environment = dict.fromkeys(path_variables.FILES, file) | {"_FILE": file, "1_FILE": file, "PATH_FILE": file}
    taken = take({**environment, secret_files.DIRECTORY: str(empty)})
    assert (taken.values, taken.findings) == ({}, ())
    listed = {
        "MY_STATE_FILE": "/absent",
        "OTHER_FILE": "/absent",
        "SLIPWAY_PATH_VARIABLES": "MY_STATE_FILE, OTHER_FILE",
    }
    assert take({**listed, secret_files.DIRECTORY: str(empty)}).findings == ()


def test_a_content_for_a_variable_that_means_a_path_is_refused(tmp_path: Path, empty: Path) -> None:
    file = str(write(tmp_path / "file", "{}"))
    finding = only(take({"GOOGLE_APPLICATION_CREDENTIALS_FILE": file, secret_files.DIRECTORY: str(empty)}))
    assert finding.id == "secret-for-path"
    assert "Set GOOGLE_APPLICATION_CREDENTIALS itself" in finding.fix


def test_files_that_look_like_secrets_and_are_not_read_are_told(tmp_path: Path) -> None:
    for name in ("openai_api_key", "port", "GOOGLE_APPLICATION_CREDENTIALS", "DATABASE_URL_FILE", "PATH"):
        write(tmp_path / name, "x")
    taken = take({secret_files.DIRECTORY: str(tmp_path)})
    assert taken.values == {}
    assert {finding.severity for finding in taken.findings} == {"info"}
    told = {Path(finding.what.split()[2]).name: finding.fix for finding in taken.findings}
    assert told.keys() == {"openai_api_key", "GOOGLE_APPLICATION_CREDENTIALS", "DATABASE_URL_FILE"}
    assert f"OPENAI_API_KEY_FILE={tmp_path}/openai_api_key" in told["openai_api_key"]
    assert "Call it DATABASE_URL" in told["DATABASE_URL_FILE"]
    # One that a variable names is read.
    named = take({secret_files.DIRECTORY: str(tmp_path), "KEY_FILE": str(tmp_path / "openai_api_key")})
    assert "openai_api_key" not in str([finding.what for finding in named.findings])
    assert named.values == {"KEY": "x"}


@pytest.mark.parametrize("directory", ["/absent", "relative", "/etc/hostname"])
def test_a_directory_that_was_asked_for_must_be_there(directory: str) -> None:
    finding = only(take({secret_files.DIRECTORY: directory}))
    assert (finding.id, finding.severity) == ("secrets-directory", "error")


def test_one_variable_is_read_whatever_is_wrong_with_others(tmp_path: Path, empty: Path) -> None:
    environment = named(
        write(tmp_path / "file", ""), empty, PORT_FILE=str(write(tmp_path / "port", "4100\n")), HOST="h"
    )
    assert value(environment, "PORT") == "4100"
    assert value(environment, "HOST") == "h"
    assert value(environment, NAME) is None


def test_which_variables_name_files() -> None:
    assert content_of("OPENAI_API_KEY_FILE") == "OPENAI_API_KEY"
    assert content_of("my_key_FILE") == "my_key"
    for name in ("_FILE", "KEYFILE", "SSL_CERT_FILE", "LD_PRELOAD_FILE", "PYTHONPATH_FILE", "SLIPWAY_SECRETS_DIR_FILE"):
        assert content_of(name) is None, name


def test_what_came_from_a_file_is_secret_whatever_its_name_is() -> None:
    assert secrets.redact("NUM_WORKERS", "4") == "4"
    secrets.remember({"NUM_WORKERS": "file named by NUM_WORKERS_FILE"})
    assert secrets.redact("NUM_WORKERS", "4") == secrets.REDACTED
    assert secrets.origin("NUM_WORKERS") == "file named by NUM_WORKERS_FILE"
    assert secrets.origin("PORT") == "variable PORT"


contents = any_of.one_of(
    any_of.binary(max_size=300),
    any_of.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")),
    any_of.sampled_from(
        [b"\n", b"\r\n", b" ", b"\0", b"\xef\xbb\xbf", b"on", b"4", b"sk-1234", b"postgresql://u:p@h/d"]
    ),
)
variables = any_of.sampled_from(
    [
        *(
            "LITELLM_MASTER_KEY",
            "LITELLM_SALT_KEY",
            "DATABASE_URL",
            "DIRECT_URL",
            "OPENAI_API_KEY",
            "NUM_WORKERS",
            "PORT",
        ),
        *("GUNICORN_CMD_ARGS", "SERVER_ROOT_PATH", "LITELLM_WORKER_STARTUP_HOOKS", "NO_PROXY", "DRAIN_ENDPOINT_TOKEN"),
        *("SLIPWAY_SERVER", "CONFIG_FILE_PATH", "REQUEST_TIMEOUT_SECONDS", "SLIPWAY_METRICS_TOKEN_FILE", "MY_OWN"),
        *("SSL_KEYFILE_PATH", "PROMETHEUS_MULTIPROC_DIR", "FAST_LITELLM_RUST_ROUTING", "JSON_LOGS", "TMPDIR", "PORT"),
    ]
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=any_of.dictionaries(variables, contents, min_size=1, max_size=3),
    also=any_of.dictionaries(variables, any_of.sampled_from(["", "x", "/etc/hostname"]), max_size=1),
    by_name=any_of.booleans(),
    marked=any_of.booleans(),
    verb=any_of.sampled_from(["check", "explain"]),
)
def test_no_content_of_a_file_makes_a_traceback_or_is_shown(
    tmp_path_factory: pytest.TempPathFactory,
    files: Mapping[str, bytes],
    also: Mapping[str, str],
    by_name: bool,
    marked: bool,
    verb: str,
) -> None:
    place = tmp_path_factory.mktemp("any")
    directory = place / "secrets"
    directory.mkdir()
    environment = {"LITELLM_MASTER_KEY": f"sk-{SENTINEL}-long-enough", **also, "PATH": os.environ["PATH"]}
    environment |= {
        "SLIPWAY_RUNTIME_DIR": str(place),
        "SLIPWAY_ALLOW_ROOT": "on",
        "SLIPWAY_SECRETS_DIR": str(directory),
    }
    for name, content in files.items():
        # Whatever makes it hard to read, around what must not be shown or alone.
        write(directory / name, content + SENTINEL.encode() + content if marked else content, mode=0o644)
        if by_name:
            (directory / name).rename(place / name)
            environment[f"{name}_FILE"] = str(place / name)
    given = [verb, "--format", "json", *(["--offline"] if verb == "check" else [])]
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        with redirect_stdout(out), redirect_stderr(err):
            code = cli.main(given)
    finally:
        os.environ.clear()
        os.environ.update(before)
    told = out.getvalue() + err.getvalue()
    assert code in set(ExitCode) - {ExitCode.INTERNAL}, told
    assert "Traceback" not in told
    assert SENTINEL not in told
    if verb == "check" and code != ExitCode.USAGE:
        json.loads(out.getvalue())


def test_a_swap_between_two_files_gives_no_mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kubernetes updates a volume: by one link, which both files are found through."""
    for version in ("old", "new"):
        (tmp_path / version).mkdir()
        for name in ("A_KEY", "B_KEY"):
            write(tmp_path / version / name, f"{version} {name}")
    link = tmp_path / "..data"
    link.symlink_to("old")
    for name in ("A_KEY", "B_KEY"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    read = secret_files._content
    swapped: list[str] = []

    def read_and_swap(place: secret_files._Place) -> bytes:
        content = read(place)
        if not swapped:
            swapped.append(place.name)
            (tmp_path / "..next").symlink_to("new")
            (tmp_path / "..next").rename(link)
        return content

    monkeypatch.setattr(secret_files, "_content", read_and_swap)
    taken = take({secret_files.DIRECTORY: str(tmp_path)})
    assert swapped
    assert taken.values == {"A_KEY": "new A_KEY", "B_KEY": "new B_KEY"}
