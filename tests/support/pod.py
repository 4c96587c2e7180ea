"""Runs the pod of a Kubernetes manifest with the container engine, as kubelet would.

Only what the scenarios use is understood; any other field of a pod or container is an error, so that no promise of a
manifest goes unnoticed.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from docker.errors import APIError

from tests.support.lab import POLL_SECONDS, Box, Lab, Spec, StoppedEarly

_POD_FIELDS = {"initContainers", "containers", "volumes", "terminationGracePeriodSeconds", "securityContext"}
# What no engine can show, or what it does anyway.
_POD_FIELDS |= {"serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "topologySpreadConstraints"}
_POD_FIELDS |= {"restartPolicy"}
_CONTAINER_FIELDS = {
    "name",
    "image",
    "imagePullPolicy",
    "command",
    "args",
    "env",
    "ports",
    "volumeMounts",
    "securityContext",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
    "lifecycle",
    "resources",
}
_SECURITY_FIELDS = {
    "readOnlyRootFilesystem",
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "capabilities",
    "allowPrivilegeEscalation",
    # The engine has a profile of its own, unless told otherwise.
    "seccompProfile",
}
# How kubelet calls what a volume's links lead to.
_CURRENT = "..data"
_UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def quantity(text: str) -> int:
    """Bytes of a Kubernetes quantity such as 100Mi."""
    number = re.fullmatch(r"(\d+)(|Ki|Mi|Gi)", text)
    assert number, f"not a quantity: {text}"
    return int(number[1]) * _UNITS[number[2]]


@dataclass(frozen=True)
class Manifest:
    """The objects of one file, by kind and name."""

    objects: Mapping[tuple[str, str], dict[str, Any]]

    @staticmethod
    def read(path: Path) -> Manifest:
        return Manifest.of(document for document in yaml.safe_load_all(path.read_text()) if document)

    @staticmethod
    def of(documents: Iterable[dict[str, Any]]) -> Manifest:
        return Manifest({(document["kind"], document["metadata"]["name"]): document for document in documents})

    def pod(self) -> dict[str, Any]:
        """The pod of the only Deployment."""
        deployments = [found for (kind, _), found in self.objects.items() if kind == "Deployment"]
        assert len(deployments) == 1
        pod: dict[str, Any] = deployments[0]["spec"]["template"]["spec"]
        return pod

    def data(self, kind: str, name: str) -> Mapping[str, str]:
        """The entries of a ConfigMap or a Secret."""
        found = self.objects[kind, name]
        entries: Mapping[str, str] = found["data"] if kind == "ConfigMap" else found["stringData"]
        return entries


@dataclass(frozen=True)
class Memory:
    """A volume in memory, with its limit in bytes."""

    limit: int


class Pod:
    """A pod: volumes, init containers in order, one container with probes and a termination."""

    def __init__(
        self, lab: Lab, manifest: Manifest, directory: Path, network: str, spec: dict[str, Any] | None = None
    ) -> None:
        self._lab = lab
        self._manifest = manifest
        self._directory = directory
        self._network = network
        self._spec = manifest.pod() if spec is None else spec
        _known(self._spec, _POD_FIELDS, "pod")
        _known(self._spec.get("securityContext", {}), _SECURITY_FIELDS, "pod")
        self._main: dict[str, Any] = self._only(self._spec["containers"])
        self._volumes = {volume["name"]: self._make(volume) for volume in self._spec.get("volumes", [])}
        self.box: Box | None = None

    def start(self) -> Box:
        """Run the init containers to their end, then start the container; returns it, not yet ready."""
        for container in self._spec.get("initContainers", []):
            done = self._lab.start(self._container(container)).finished()
            if done.code != 0:
                raise StoppedEarly(f"init container {container['name']} ended with {done.code}:\n{done.output}")
        self.box = self._lab.start(self._container(self._main))
        return self.box

    def wait_ready(self, seconds: float) -> None:
        """Probe as kubelet does until the container is ready."""
        assert self.box is not None
        deadline = time.monotonic() + seconds
        for kind in ("startupProbe", "readinessProbe"):
            while kind in self._main and not self.probe(kind):
                if not self.box.running:
                    raise StoppedEarly(f"ended with {self.box.state['ExitCode']}; log:\n{self.box.logs()}")
                if time.monotonic() > deadline:
                    raise StoppedEarly(f"not ready after {seconds:g} s; log:\n{self.box.logs()}")
                time.sleep(POLL_SECONDS)

    def probe(self, kind: str) -> bool:
        """Whether the container's probe of this kind succeeds now."""
        assert self.box is not None
        probe = self._main[kind]["httpGet"]
        try:
            return httpx.get(self.url(probe["port"]) + probe["path"], timeout=10).status_code < 400
        except StoppedEarly:
            return False
        except httpx.TransportError:
            return False

    def url(self, port: int | str) -> str:
        """Where the host reaches a port of the container, by its number or its name."""
        assert self.box is not None
        names = {entry.get("name"): entry["containerPort"] for entry in self._main.get("ports", [])}
        return f"http://127.0.0.1:{self.box.port(names.get(port, port))}"

    def terminate(self) -> int:
        """The preStop command, then SIGTERM; returns the exit code, or fails when the grace period is over."""
        assert self.box is not None
        deadline = time.monotonic() + int(self._spec.get("terminationGracePeriodSeconds", 30))
        before = self._main.get("lifecycle", {}).get("preStop")
        if before:
            done = self.box.exec(before["exec"]["command"])
            # A command that ends the container ends with it.
            assert done.code == 0 or not self.box.running, done.output
        with contextlib.suppress(APIError):
            self.box.signal("SIGTERM")
        return self.box.wait(deadline - time.monotonic())

    def overfull(self) -> list[str]:
        """The emptyDir volumes that hold more than their limit, for which kubelet evicts a pod."""
        assert self.box is not None
        return [name for name, path, limit in self._limits() if self._used(self.box, path) > limit]

    def _limits(self) -> Iterator[tuple[str, str, int]]:
        limits = {
            volume["name"]: volume["emptyDir"]["sizeLimit"]
            for volume in self._spec.get("volumes", [])
            if "sizeLimit" in volume.get("emptyDir", {})
        }
        for mount in self._main.get("volumeMounts", []):
            if mount["name"] in limits:
                yield mount["name"], mount["mountPath"], quantity(limits[mount["name"]])

    @staticmethod
    def _used(box: Box, path: str) -> int:
        return int(box.exec(["du", "-s", "-B1", path]).output.split()[0])

    @staticmethod
    def _only(containers: list[dict[str, Any]]) -> dict[str, Any]:
        assert len(containers) == 1, "pods of several containers are not understood"
        return containers[0]

    def _make(self, volume: dict[str, Any]) -> str | Memory | Path | dict[str, Path]:
        """An emptyDir becomes an engine volume that everybody may write to; a configMap becomes files."""
        match volume:
            case {"emptyDir": {"medium": "Memory", "sizeLimit": limit}}:
                return Memory(quantity(limit))
            case {"emptyDir": _}:
                name = self._lab.volume()
                # kubelet gives an emptyDir the mode 0777; the engine makes a volume root's.
                opened = self._lab.once(
                    Spec(entrypoint=("chmod", "0777", "/volume"), volumes={"/volume": name}, user="0:0", network="none")
                )
                assert opened.code == 0, opened.output
                return name
            case {"configMap": {"name": name}}:
                return {
                    key: self._file(name, key, text) for key, text in self._manifest.data("ConfigMap", name).items()
                }
            case {"name": name, "projected": {"sources": sources, "defaultMode": mode}}:
                return self._project(name, sources, mode)
        raise AssertionError(f"a volume that is not understood: {volume}")

    def _project(self, name: str, sources: Iterable[dict[str, Any]], mode: int) -> Path:
        """A directory as kubelet writes it: root's, links to files behind a link that is swapped with the content."""
        folder = self._directory / name
        content = folder / "..1"
        content.mkdir(parents=True)
        (folder / _CURRENT).symlink_to(content.name)
        for source in sources:
            secret = source["secret"]
            entries = self._manifest.data("Secret", secret["name"])
            paths = {item["key"]: item["path"] for item in secret.get("items", [])} or {key: key for key in entries}
            for key, path in paths.items():
                (content / path).write_text(entries[key])
                (content / path).chmod(mode)
                os.symlink(f"{_CURRENT}/{path}", folder / path)
        return folder

    def _file(self, name: str, key: str, text: str) -> Path:
        path = self._directory / f"{name}-{key}"
        path.write_text(text)
        path.chmod(0o644)
        return path

    def _container(self, container: dict[str, Any]) -> Spec:
        _known(container, _CONTAINER_FIELDS, container["name"])
        context = {**self._spec.get("securityContext", {}), **container.get("securityContext", {})}
        _known(context, _SECURITY_FIELDS, container["name"])
        files: dict[str, Path] = {}
        volumes: dict[str, str] = {}
        tmpfs: dict[str, str] = {}
        for mount in container.get("volumeMounts", []):
            source = self._volumes[mount["name"]]
            if isinstance(source, str):
                volumes[mount["mountPath"]] = source
            elif isinstance(source, Memory):
                tmpfs[mount["mountPath"]] = f"size={source.limit},mode=1777"
            elif isinstance(source, Path):
                files[mount["mountPath"]] = source
            elif "subPath" in mount:
                files[mount["mountPath"]] = source[mount["subPath"]]
            else:
                files |= {f"{mount['mountPath']}/{key}": path for key, path in source.items()}
        user = str(context["runAsUser"]) if "runAsUser" in context else None
        if user and "runAsGroup" in context:
            user = f"{user}:{context['runAsGroup']}"
        return Spec(
            # A pod's `command` is the engine's entrypoint, its `args` the engine's command.
            entrypoint=container.get("command"),
            command=container.get("args", ()),
            env=dict(self._variable(entry) for entry in container.get("env", [])),
            files=files,
            volumes=volumes,
            tmpfs=tmpfs,
            memory=quantity(limits["memory"]) if (limits := container.get("resources", {}).get("limits")) else None,
            ports=[port["containerPort"] for port in container.get("ports", [])],
            network=self._network,
            user=user,
            read_only=context.get("readOnlyRootFilesystem", False),
            cap_drop=context.get("capabilities", {}).get("drop", ()),
            security_opt=() if context.get("allowPrivilegeEscalation", True) else ("no-new-privileges",),
        )

    def _variable(self, entry: dict[str, Any]) -> tuple[str, str]:
        match entry:
            case {"name": name, "value": value}:
                return name, value
            case {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}:
                return name, self._manifest.data("Secret", secret)[key]
        raise AssertionError(f"a variable that is not understood: {entry['name']}")


def _known(found: Mapping[str, object], fields: set[str], where: str) -> None:
    unknown = set(found) - fields
    assert not unknown, f"not understood in {where}: {sorted(unknown)}"
