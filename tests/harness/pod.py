"""A pod's exporter, started as by a kubelet, but on this machine and without a container."""

import asyncio
import base64
import itertools
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import aiohttp

from harness.manifests import Manifest, containers
from harness.processes import ExporterProcess


class Pod:
    """A pod's volumes as directories below its own directory, which stands for the container's root."""

    def __init__(self, pod: Manifest, manifests: Sequence[Manifest], directory: Path, *, name: str = "pod") -> None:
        """``manifests`` has the pod's ConfigMaps and Secrets; ``directory`` is created; ``name`` is the host name."""
        self.spec = pod["spec"]
        self.name = name
        self._pod = pod
        self._objects = {(one["kind"], one["metadata"]["name"]): one for one in manifests}
        self._directory = directory
        directory.mkdir()
        self._updates = itertools.count(1)
        self.lay_out(manifests)

    def container(self, name: str) -> Manifest:
        """Return one container, init containers included."""
        (found,) = (one for one in containers(self._pod) if one["name"] == name)
        return found

    def lay_out(self, manifests: Sequence[Manifest]) -> None:
        """Write or replace the volumes' files as a kubelet does: all files of a volume at once."""
        self._objects |= {(one["kind"], one["metadata"]["name"]): one for one in manifests}
        update = next(self._updates)
        for volume in self.spec.get("volumes") or []:
            if "emptyDir" in volume:
                (self._directory / "volumes" / volume["name"]).mkdir(parents=True, exist_ok=True)
                continue
            files, mode = self._files(volume)
            place = self._directory / "volumes" / volume["name"]
            version = place / f"..{update}"
            version.mkdir(parents=True)
            for key, content in files.items():
                (version / key).write_bytes(content)
                (version / key).chmod(mode)
                if not (place / key).is_symlink():
                    (place / key).symlink_to(Path("..data", key))
            (place / "..new").symlink_to(version.name)
            (place / "..new").replace(place / "..data")

    def process(self, container: str, directory: Path) -> ExporterProcess:
        """Start the container's exporter."""
        spec = self.container(container)
        assert "command" not in spec, "the image's entry point is what runs"
        environment = self._environment(spec)
        arguments = [self._move(_expand(argument, environment)) for argument in spec.get("args", [])]
        environment = {name: self._move(value) for name, value in environment.items()}
        return ExporterProcess(arguments, directory, environment, host=self.name)

    async def probe(self, container: str, kind: str) -> bool:
        """Return whether a probe of the container, such as ``livenessProbe``, succeeds."""
        spec = self.container(container)
        probe = spec[kind]
        if "exec" in probe:
            return await self.run(probe["exec"]["command"]) == 0
        get = probe["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in spec["ports"]}
        scheme = get.get("scheme", "HTTP").lower()
        url = f"{scheme}://127.0.0.1:{ports.get(get['port'], get['port'])}{get['path']}"
        insecure = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        insecure.check_hostname = False
        insecure.verify_mode = ssl.CERT_NONE
        try:
            async with aiohttp.request("GET", url, ssl=insecure, allow_redirects=False) as response:
                return 200 <= response.status < 400
        except aiohttp.ClientError:
            return False

    async def run(self, command: Sequence[str]) -> int:
        """Run a Python command in the pod, and return its exit status."""
        program, *arguments = (self._move(argument) for argument in command)
        assert program == "python"
        here = [sys.executable, *arguments]
        return (await asyncio.to_thread(subprocess.run, here, capture_output=True, timeout=60, check=False)).returncode

    def _files(self, volume: Manifest) -> tuple[dict[str, bytes], int]:
        kind, name = ("ConfigMap", "name") if "configMap" in volume else ("Secret", "secretName")
        source = volume["configMap" if kind == "ConfigMap" else "secret"]
        files = {key: self._move(content).encode() for key, content in self._data(kind, source[name]).items()}
        return files, source.get("defaultMode", 0o644)

    def _data(self, kind: str, name: str) -> dict[str, str]:
        manifest = self._objects[kind, name]
        data: dict[str, str] = dict(manifest.get("data", {}))
        if kind == "Secret":
            data = {key: base64.b64decode(value).decode() for key, value in data.items()}
        return {**data, **manifest.get("stringData", {})}

    def _environment(self, spec: Manifest) -> dict[str, str]:
        """Build the environment as the kubelet does: whole ConfigMaps and Secrets first, then single variables."""
        environment: dict[str, str] = {}
        for source in spec.get("envFrom") or []:
            reference = source.get("configMapRef") or source["secretRef"]
            kind = "ConfigMap" if "configMapRef" in source else "Secret"
            data = self._data(kind, reference["name"])
            environment |= {source.get("prefix", "") + key: value for key, value in data.items()}
        for variable in spec.get("env") or []:
            if "value" in variable:
                environment[variable["name"]] = _expand(variable["value"], environment)
                continue
            ((source, reference),) = variable["valueFrom"].items()
            if source == "fieldRef":
                assert reference["fieldPath"] == "metadata.name"
                environment[variable["name"]] = self.name
            else:
                kind = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}[source]
                environment[variable["name"]] = self._data(kind, reference["name"])[reference["key"]]
        return environment

    def _mounts(self) -> Iterator[tuple[str, str]]:
        for container in containers(self._pod):
            for mount in container.get("volumeMounts") or []:
                assert "subPath" not in mount, "a single file would not follow a change"
                yield mount["mountPath"], str(self._directory / "volumes" / mount["name"])

    def _move(self, text: str) -> str:
        """Replace the container's paths in a text with this machine's."""
        for mounted, place in sorted(self._mounts(), reverse=True):
            text = re.sub(rf"{re.escape(mounted)}(?![-\w])", place, text)
        return text


def _expand(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` if the name is known; ``$$(NAME)`` becomes ``$(NAME)``."""

    def replace(match: re.Match[str]) -> str:
        return match[0][1:] if match[0].startswith("$$") else environment.get(match[1], match[0])

    return re.sub(r"\$?\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)", replace, text)
