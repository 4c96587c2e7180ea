"""The steps of a release: python -m publish STEP; each is a verb of the Makefile. --help lists them."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from packages import BaseError
from publish import build, bundle, chart, push, sign, verification
from publish.registry import Repository
from publish.statement import SIGNATURE, about
from publish.versions import TARGETS, agreed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="publish", description="The steps of a release.")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")

    def step(name: str, help: str) -> argparse.ArgumentParser:
        return steps.add_parser(name, help=help, description=help)

    check = step("check", "refuse a tag unless package and chart say the same version")
    check.add_argument("tag")
    made = step("build", "build the images of a release, with what is in them and how they came to be")
    made.add_argument("version")
    made.add_argument("folder", type=Path)
    made.add_argument("--engine", default="docker")
    made.add_argument("--targets", nargs="+", choices=tuple(TARGETS), default=tuple(TARGETS))
    loaded = step("load", "load a release into the engine, to be tested")
    loaded.add_argument("folder", type=Path)
    loaded.add_argument("tag")
    loaded.add_argument("--engine", default="docker")
    pushed = step("push", "push the images of a release by their digests, under no tag")
    pushed.add_argument("folder", type=Path)
    pushed.add_argument("repository")
    for name, help in (
        ("index", "push the indexes over all architectures by their digests, under no tag"),
        ("tag", "put the indexes under the release's tags, once they are signed"),
        ("sign", "sign a release and attach what is known of it"),
    ):
        more = step(name, help)
        more.add_argument("repository")
        more.add_argument("folders", nargs="+", type=Path)
        if name == "tag":
            more.add_argument("--version", required=True)
        if name == "sign":
            more.add_argument("--key", type=Path, help="a private key in PEM; without one, the workflow's identity")
    charted = step("chart", "push the chart when its version is new, and sign it")
    charted.add_argument("repository")
    charted.add_argument("--key", type=Path, help="a private key in PEM; without one, the workflow's identity")
    verified = step("verify", "verify an image in a registry: who signed it, that it is whole and under its own tag")
    verified.add_argument("image")
    verified.add_argument("--key", type=Path, help="the public key in PEM of whom you trust")
    verified.add_argument("--identity", default="", help="the workflow that you trust, in place of a key")
    verified.add_argument("--issuer", default="", help="who vouches for that identity")
    return parser


def _run(options: argparse.Namespace) -> None:
    match options.step:
        case "check":
            print(agreed(options.tag))
        case "build":
            build.build(options.version, options.folder, shlex.split(options.engine), options.targets)
        case "load":
            push.load(options.folder, shlex.split(options.engine), options.tag)
        case "push":
            for target, manifest in push.push(options.folder, Repository(options.repository)).items():
                print(f"{options.repository}@{manifest.digest} {target}")
        case "index":
            for target, manifest in push.index(options.folders, Repository(options.repository)).items():
                print(f"{options.repository}@{manifest.digest} {target}")
        case "tag":
            made = push.tag(options.folders, Repository(options.repository), options.version)
            for tag, index in made.items():
                print(f"{options.repository}@{index.digest} {tag}")
        case "sign":
            for digest in sign.sign(options.folders, Repository(options.repository), _signer(options.key)):
                print(f"{options.repository}@{digest} signed")
        case "chart":
            repository = Repository(options.repository)
            manifest, new = chart.push(repository)
            if new:
                sign.attach(repository, _signer(options.key), manifest, about(SIGNATURE, [manifest], {}))
            print(f"{options.repository}@{manifest.digest} {'released' if new else 'is there already'}")
        case "verify":
            print("\n".join(verification.verify(options.image, _trust(options))))


def _signer(key: Path | None) -> bundle.Signer:
    return bundle.Key(key) if key else bundle.Workflow()


def _trust(options: argparse.Namespace) -> bundle.Trust:
    if options.key:
        return bundle.PublicKey(options.key)
    if options.identity and options.issuer:
        return bundle.Identity(options.identity, options.issuer)
    raise BaseError(
        "nobody is trusted yet", "neither a public key nor an identity and its issuer is named",
        "KEY=FILE, or IDENTITY=... ISSUER=...",
    )  # fmt: skip


def main() -> None:
    """Take one step; ends with 1 and what, why and the fix when it cannot be taken."""
    try:
        _run(_parser().parse_args())
    except BaseError as problem:
        sys.exit(f"release: {problem}")


if __name__ == "__main__":
    main()
