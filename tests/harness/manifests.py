"""Kubernetes manifests: charts rendered by Helm, and checks for each manifest."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import yaml
from referencing import Registry, Resource

Manifest: TypeAlias = dict[str, Any]

# The oldest that Chart.yaml allows, and the newest there are schemas of.
VERSIONS = ("1.25.0", kubernetes_validate.latest_version())

# The same as yaml.SafeLoader, in C where that is to be had.
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CRDS = Path(__file__).parents[1] / "integration" / "helm" / "crds"
_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job"}


class HelmError(Exception):
    """Helm failed; the message is its output."""


class Helm:
    """Helm without the user's own settings."""

    def __init__(self, program: Path, home: Path) -> None:
        """``home`` is the directory for Helm's own files."""
        self._program = program
        self._rendered: dict[tuple[object, ...], str] = {}
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")} | {
            f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
        }

    def run(self, *arguments: str | Path, values: object = None) -> str:
        """Run Helm with values on its standard input and return its output; raise HelmError."""
        command = [self._program, *arguments] + ([] if values is None else ["--values=-"])
        ended = subprocess.run(
            command,
            input="" if values is None else json.dumps(values),
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=60,
            check=False,
        )
        if ended.returncode:
            raise HelmError(ended.stdout + ended.stderr)
        return ended.stdout

    def template(
        self, chart: Path, values: object = None, *flags: str, release: str = "r", namespace: str = "monitoring"
    ) -> list[Manifest]:
        """Return the manifests that a release would create; raise HelmError."""
        arguments: tuple[str | Path, ...] = ("template", release, chart, f"--namespace={namespace}", *flags)
        key = (*arguments, json.dumps(values))
        if key not in self._rendered:  # many a test looks at another place of the same
            self._rendered[key] = self.run(*arguments, values=values)
        return [manifest for manifest in yaml.load_all(self._rendered[key], _YAML) if manifest]


def at(manifests: Sequence[Manifest], path: str) -> Any:
    """Return a place in the manifests: ``Deployment:spec/template/spec/containers/0/args``; None if it is missing.

    A kind may be followed by a name, ``Service:name:spec``, where there are several. A ``/`` in a key is written ``~1``.
    """
    kind, *name, keys = path.split(":")
    found = [one for one in manifests if one["kind"] == kind and name in ([], [one["metadata"]["name"]])]
    if not found:
        return None
    assert len(found) == 1, f"{len(found)} of {path}"
    place: Any = found[0]
    for key in filter(None, keys.split("/")):
        if isinstance(place, list) and int(key) < len(place):
            place = place[int(key)]
        elif isinstance(place, dict) and key.replace("~1", "/") in place:
            place = place[key.replace("~1", "/")]
        else:
            return None
    return place


def pods(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield every pod, by its owner's kind and name: its metadata and its spec."""
    for manifest in manifests:
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            yield name, manifest
        elif manifest["kind"] in _WORKLOADS:
            yield name, manifest["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    """Yield every container of a pod, init containers too."""
    return [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]


def errors(manifest: Manifest, version: str) -> list[str]:
    """Return what the API server of a Kubernetes version would reject, unknown fields too."""
    found = _validator(manifest["kind"], manifest["apiVersion"], version).iter_errors(manifest)
    return [f"{manifest['kind']} {'/'.join(map(str, error.path))}: {error.message}" for error in found]


@cache
def _validator(kind: str, api_version: str, version: str) -> jsonschema.Draft202012Validator:
    """Cache what kubernetes_validate builds for each manifest, which is slow."""
    crd = _CRDS / f"{kind.lower()}.schema.json"
    if crd.is_file():
        return jsonschema.Draft202012Validator(json.loads(crd.read_text(encoding="utf-8")))
    group = api_version.replace("/", "-") if "." not in api_version else re.sub(r"\.[^/]*/", "-", api_version)
    schema = _schema(version, f"{kind.lower()}-{group}")
    resources = map(Resource.from_contents, (schema, _schema(version, "_definitions")))
    registry: Registry[Any] = Registry()
    for resource in resources:
        registry = resource @ registry
    return jsonschema.Draft202012Validator(schema, registry=registry)


@cache
def _schema(version: str, name: str) -> Any:
    return kubernetes_validate.utils.schema_contents(
        f"kubernetes-json-schema/v{version}-local-strict/{name}.json", version
    )


def unrestricted(pod: Manifest) -> list[str]:
    """Return the violations of the "restricted" Pod Security Standard.

    The controls are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ for Linux.
    """
    spec = pod["spec"]
    context = spec.get("securityContext") or {}
    found = [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    if context.get("sysctls"):
        found.append("sysctls are set")
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    for volume in spec.get("volumes") or []:
        found += [f"volume {volume['name']} is a {kind}" for kind in set(volume) - allowed - {"name"}]
    for container in containers(pod):
        found += [f"container {container['name']}: {fault}" for fault in _faults(container, context)]
    return found


def _faults(container: Manifest, pod: Mapping[str, Any]) -> Iterator[str]:
    own = container.get("securityContext") or {}
    both = {**pod, **own}
    capabilities = own.get("capabilities") or {}
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "has capabilities"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield "may run as root"
    if (both.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    if own.get("procMount", "Default") != "Default":
        yield "unmasks /proc"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "takes a port of the host"
