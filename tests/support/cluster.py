"""As much of Kubernetes' API as Helm asks for: which kinds there are, and a store of objects by their address.

It stands for the cluster whose objects Helm looks up, changes and keeps; nothing in it runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import helm_python
import yaml

from tests.support import protobuf

# Group and version, plural, kind, and whether it is in a namespace.
_KINDS = (
    ("v1", "namespaces", "Namespace", False),
    ("v1", "secrets", "Secret", True),
    ("v1", "configmaps", "ConfigMap", True),
    ("v1", "services", "Service", True),
    ("v1", "serviceaccounts", "ServiceAccount", True),
    ("v1", "pods", "Pod", True),
    ("apps/v1", "deployments", "Deployment", True),
    ("batch/v1", "jobs", "Job", True),
    ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", True),
    ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", True),
)
_NO_TYPES: dict[str, object] = {"no": "types"}
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Cluster:
    """The store: objects by the path of their address, such as /api/v1/namespaces/ai/secrets/keys."""

    def __init__(self, url: str, objects: dict[str, dict[str, Any]]) -> None:
        self.url = url
        self.objects = objects

    def helm(self, namespace: str) -> helm_python.Config:
        """A Helm that acts on it, and remembers its releases as long as it lives."""
        return helm_python.Config(
            kubeconfig_content=yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "test", "cluster": {"server": self.url}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                    "users": [{"name": "test", "user": {}}],
                    "current-context": "test",
                }
            ),
            namespace=namespace,
            storage_driver="memory",
        )

    def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """The data of a Secret, as it is stored; None where there is none."""
        found = self.objects.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        data: dict[str, str] | None = found and found["data"]
        return data

    def roll_out(self, namespace: str, name: str) -> None:
        """Say of a Deployment what its controller says once all of its pods are ready."""
        found = self.objects[f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
        wanted = found["spec"]["replicas"]
        ready = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        found["metadata"] |= {"generation": 1}
        found["status"] = {**ready, "observedGeneration": 1}


@contextmanager
def cluster(*namespaces: str) -> Iterator[Cluster]:
    """A cluster with these namespaces."""
    objects: dict[str, dict[str, Any]] = {
        f"/api/v1/namespaces/{name}": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in ("kube-system", *namespaces)
    }
    known = _discovery()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def answer(self, code: int, content: object) -> None:
            # An empty description of all types, in Protocol Buffers, is an empty text.
            text = b"" if content is _NO_TYPES else json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/octet-stream" if content is _NO_TYPES else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def missing(self) -> None:
            status = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
            self.answer(404, status)

        def body(self) -> dict[str, Any]:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if content.startswith(protobuf.MAGIC):
                return protobuf.secret(content)
            found: dict[str, Any] = yaml.safe_load(content)
            return found

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            content = known.get(path) or objects.get(path) or self.listed()
            self.answer(200, content) if content else self.missing()

        def listed(self) -> dict[str, Any] | None:
            """The objects of a collection that have the labels and the name that are asked for."""
            address = urlsplit(self.path)
            collections = {plural: (version, kind) for version, plural, kind, _ in _KINDS}
            plural = address.path.rpartition("/")[2]
            if plural not in collections:
                return None
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            labels = [pair.split("=") for pair in asked.get("labelSelector", "").split(",") if pair]
            name = asked.get("fieldSelector", "").removeprefix("metadata.name=")
            items = [
                found
                for place, found in objects.items()
                if place.rpartition("/")[0] == address.path
                and all(found["metadata"].get("labels", {}).get(key) == value for key, value in labels)
                and name in ("", found["metadata"]["name"])
            ]
            version, kind = collections[plural]
            return {"apiVersion": version, "kind": f"{kind}List", "metadata": {"resourceVersion": "1"}, "items": items}

        def do_POST(self) -> None:
            content = self.body()
            objects[f"{urlsplit(self.path).path}/{content['metadata']['name']}"] = content
            self.answer(201, content)

        def do_PATCH(self) -> None:
            # Helm 4 applies on the server's side: what it sends is the whole object.
            assert "apply" in self.headers["Content-Type"], self.headers["Content-Type"]
            content = self.body()
            objects[urlsplit(self.path).path] = content
            self.answer(200, content)

        def do_DELETE(self) -> None:
            content = objects.pop(urlsplit(self.path).path, None)
            self.answer(200, content) if content else self.missing()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Cluster(f"http://127.0.0.1:{server.server_port}", objects)
    finally:
        server.shutdown()
        server.server_close()


def _discovery() -> dict[str, object]:
    """What the API says of itself, by path."""
    versions = dict.fromkeys(version for version, *_ in _KINDS)
    groups = [
        {"name": version.split("/")[0], "versions": [both], "preferredVersion": both}
        for version in versions
        if "/" in version
        for both in [{"groupVersion": version, "version": version.split("/")[1]}]
    ]
    found: dict[str, object] = {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/openapi/v2": _NO_TYPES,
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for version in versions:
        resources = [
            {"name": plural, "singularName": "", "namespaced": inside, "kind": kind, "verbs": _VERBS}
            for group, plural, kind, inside in _KINDS
            if group == version
        ]
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        found[path] = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
    return found
