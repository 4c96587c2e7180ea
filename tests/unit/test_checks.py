"""Keys, TLS files, ports and hooks."""

import socket
import subprocess
from pathlib import Path

import pytest

from slipway import settings
from slipway.checks import database, keys, network, packages, paths, stopping, tls
from slipway.report import ExitCode, Finding
from slipway.runtime import hooks

STRONG = "sk-0123456789abcdef"


def ids(findings: list[Finding]) -> list[str]:
    return [finding.id for finding in findings]


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        ({}, {"LITELLM_MASTER_KEY": STRONG}, []),
        ({}, {}, ["master-key-missing"]),
        ({}, {"LITELLM_MASTER_KEY": " "}, ["master-key-missing"]),
        ({}, {"LITELLM_MASTER_KEY": " sk-1234 "}, ["master-key-well-known"]),
        ({"general_settings": {"master_key": "sk-1234"}}, {"LITELLM_MASTER_KEY": STRONG}, ["master-key-well-known"]),
        ({"general_settings": {"master_key": "os.environ/OTHER"}}, {"OTHER": STRONG}, []),
        (
            {"general_settings": {"master_key": "os.environ/OTHER"}},
            {"LITELLM_MASTER_KEY": STRONG},
            ["master-key-missing"],
        ),
        ({}, {"LITELLM_MASTER_KEY": "short"}, ["master-key-short"]),
        ({}, {"LITELLM_WORKER_STARTUP_HOOKS": "a:b"}, ["master-key-later"]),
        ({}, {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}, []),
    ],
)
def test_the_master_key(config: dict[str, object], environment: dict[str, str], expected: list[str]) -> None:
    findings = keys.check(config, environment)
    assert ids(findings) == expected
    assert all(finding.code is ExitCode.SECRET for finding in findings if finding.severity == "error")
    assert "1234" not in str(findings)


def test_a_blank_salt_key_is_refused_where_there_is_a_database() -> None:
    environment = {"LITELLM_MASTER_KEY": STRONG, "LITELLM_SALT_KEY": " "}
    assert ids(keys.check({}, environment)) == []
    assert ids(keys.check({}, {**environment, "DATABASE_URL": "postgresql://x"})) == ["salt-key-blank"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"LITELLM_SALT_KEY": "sk-salt"}, ["database-not-named"]),
        ({"DATABASE_HOST": "db"}, ["database-parts-missing"]),
        ({"DATABASE_HOST": "db", "DATABASE_NAME": "x"}, ["database-parts-missing"]),
        # The URL wins over the parts.
        ({"DATABASE_HOST": "db", "DATABASE_URL": "postgresql://u@db/x"}, ["database-client-missing"]),
    ],
)
def test_a_database_that_is_half_named(environment: dict[str, str], expected: list[str]) -> None:
    """The host of these tests has no database client, unlike the image."""
    assert ids(database.check({}, environment)) == expected


@pytest.mark.parametrize(
    ("config", "environment", "words"),
    [
        ({"litellm_settings": {"callbacks": ["prometheus", "focus"]}}, {}, ("polars", "focus", "complete")),
        ({"litellm_settings": {"success_callback": "langfuse"}}, {}, ("langfuse", "success_callback", "full")),
        ({"litellm_settings": {"failure_callback": ["wandb"]}}, {}, ("wandb", "failure_callback", "No image has it")),
        ({"model_list": [{}, {"litellm_params": {"model": "vertex_ai/chirp"}}]}, {}, ("speech", "model_list[1]")),
        ({}, {"LITELLM_ENABLE_PYROSCOPE": "true"}, ("pyroscope-io", "LITELLM_ENABLE_PYROSCOPE", "complete")),
    ],
)
def test_a_feature_whose_package_is_missing_is_a_warning_that_names_the_image(
    config: dict[str, object], environment: dict[str, str], words: tuple[str, ...]
) -> None:
    """The host of these tests has none of these packages."""
    finding = packages.check(config, environment)[0]
    assert (finding.id, finding.severity) == ("package-missing", "warning")
    assert [word for word in words if word not in finding.what + finding.fix] == []


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        ({}, {"USE_DDTRACE": "true"}),
        ({"litellm_settings": {"cache_params": {"type": "disk"}}}, {}),
        ({"general_settings": {"key_management_system": "google_kms"}}, {}),
        ({"litellm_settings": {"failure_callback": ["sentry"]}}, {}),
    ],
)
def test_a_gateway_that_would_fail_without_a_package_is_refused(
    config: dict[str, object], environment: dict[str, str]
) -> None:
    (finding,) = packages.check(config, environment)
    assert finding.severity == "error"
    assert "slipway-add" in finding.fix


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        ({}, {"USE_DDTRACE": "false"}),
        ({"litellm_settings": {"callbacks": [{"a": 1}, None], "cache_params": {"type": "redis"}}}, {}),
        ({"litellm_settings": {"callbacks": None}, "model_list": [{"litellm_params": {"model": "openai/gpt"}}]}, {}),
    ],
)
def test_what_asks_for_no_package_is_left_alone(config: dict[str, object], environment: dict[str, str]) -> None:
    assert packages.check(config, environment) == []


def test_a_package_that_is_there_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda package: package == "polars")
    both: dict[str, object] = {"litellm_settings": {"callbacks": ["focus", "langfuse"]}}
    (finding,) = packages.check(both, {})
    assert "langfuse" in finding.what


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_taken_port_is_an_error_and_a_free_one_is_not() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        environment = {"HOST": "127.0.0.1", "SLIPWAY_SUPERVISOR": "off"}
        taken = settings.resolve({}, {**environment, "PORT": str(holder.getsockname()[1])}, {})
        (finding,) = network.check(taken)
    assert finding.code is ExitCode.PORT
    assert network.check(settings.resolve({}, {**environment, "PORT": str(free_port())}, {})) == []


def test_one_number_for_two_ports_is_refused() -> None:
    assert ids(network.check(settings.resolve({}, {"PORT": "4001"}, {}))) == ["port-twice"]


def test_a_host_that_is_no_address_is_refused() -> None:
    assert "address-invalid" in ids(network.check(settings.resolve({}, {"HOST": "no such host"}, {})))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    key, chain = str(folder / "key.pem"), str(folder / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", chain], check=True, capture_output=True)
    return key, chain


def check_tls(**names: str) -> list[str]:
    return ids(tls.check(settings.resolve({}, names, {})))


def test_tls_files(certificate: tuple[str, str], tmp_path: Path) -> None:
    key, chain = certificate
    assert check_tls(SSL_KEYFILE_PATH=key, SSL_CERTFILE_PATH=chain) == []
    assert check_tls(SSL_KEYFILE_PATH=key) == ["tls-half"]
    assert check_tls(SSL_CERTFILE_PATH=chain) == ["tls-half"]
    assert check_tls(SLIPWAY_SSL_CIPHERS="HIGH") == ["tls-half"]
    assert check_tls(SSL_KEYFILE_PATH=key, SSL_CERTFILE_PATH=str(tmp_path / "no.pem")) == ["tls-unreadable"]
    assert check_tls(SSL_KEYFILE_PATH=chain, SSL_CERTFILE_PATH=chain) == ["tls-invalid"]
    assert check_tls(SSL_KEYFILE_PATH=key, SSL_CERTFILE_PATH=chain, SLIPWAY_SSL_CIPHERS="NONE") == ["tls-ciphers"]


@pytest.fixture
def hook_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "pack"
    package.mkdir()
    # Running either module would fail the test.
    (package / "__init__.py").write_text("raise SystemExit('ran')")
    (package / "inner.py").write_text(
        "raise SystemExit('ran')\nasync def start(): ...\nfrom os import getcwd as here\n"
    )
    (tmp_path / "dynamic.py").write_text("def __getattr__(name): ...\n")
    return tmp_path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pack.inner:start, pack.inner:here,", []),
        ("pack.inner:stop", ["hook-function-missing"]),
        ("dynamic:anything", []),
        ("pack.outer:start", ["hook-module-missing"]),
        ("nowhere:start", ["hook-module-missing"]),
        ("pack.inner.deeper:start", ["hook-module-missing"]),
        ("pack.inner", ["hook-format"]),
        ("", []),
    ],
)
@pytest.mark.usefixtures("hook_folder")
def test_hooks_are_located_without_running_them(value: str, expected: list[str]) -> None:
    findings = hooks.check(value)
    assert ids(findings) == expected
    assert all(finding.code is ExitCode.HOOK for finding in findings if finding.severity == "error")


@pytest.mark.parametrize(
    ("prefix", "valid"),
    [("/a", True), ("/a/b", True), ("/", True), ("a", False), ("/a/", False), ("//a", False), ("/a ", False)],
)
def test_a_path_prefix_that_no_route_would_answer_is_refused(prefix: str, valid: bool) -> None:
    assert ids(paths.check({"SERVER_ROOT_PATH": prefix})) == ([] if valid else ["root-path-invalid"])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, []),
        ({"SLIPWAY_STOP_GRACE_SECONDS": "640"}, []),
        ({"SLIPWAY_STOP_GRACE_SECONDS": "639"}, ["stop-grace"]),
        ({"SLIPWAY_STOP_GRACE_SECONDS": "30", "REQUEST_TIMEOUT_SECONDS": "10"}, ["stop-grace"]),
        ({"SLIPWAY_STOP_GRACE_SECONDS": "50", "REQUEST_TIMEOUT_SECONDS": "10"}, []),
        # Without the supervisor nothing settles.
        ({"SLIPWAY_STOP_GRACE_SECONDS": "635", "SLIPWAY_SUPERVISOR": "off"}, []),
    ],
)
def test_a_stop_that_would_cut_requests_is_refused_with_the_arithmetic(
    environment: dict[str, str], expected: list[str]
) -> None:
    findings = stopping.check(settings.resolve({}, environment, {}))
    assert ids(findings) == expected
    assert all("(REQUEST_TIMEOUT_SECONDS) + 30 (flush)" in finding.what for finding in findings)
