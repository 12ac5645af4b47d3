# The image of oifde-exporter; docs/kubernetes.md has the command that builds it.
#
# The base image is pinned by digest, the packages by the lock's hashes.

ARG BASE_IMAGE=docker.io/library/python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS build

WORKDIR /src

# Your own package index, or a folder of wheels on a mounted volume.
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS

# All packages as wheels, and the tools that build the project's own.
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv /build \
 && /build/bin/python -m pip wheel --no-cache-dir --require-hashes --wheel-dir /wheels --requirement requirements/run.txt \
 && /build/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements/build.txt

COPY pyproject.toml setup.py README.md LICENSE ./
COPY exporter exporter
# The revision that `oifde-exporter --version` and oifde_exporter_build_info show.
ARG REVISION=unknown
# The final image has the same interpreter, so the environment can be created here, without pip. Its bytecode is valid whatever the
# times of the files: builds with SOURCE_DATE_EPOCH change them, and the exporter cannot write new bytecode.
RUN OIFDE_EXPORTER_REVISION="${REVISION}" \
    /build/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/oifde-exporter \
 && PIP_FIND_LINKS='' /build/bin/python -m pip --python /opt/oifde-exporter install --no-cache-dir --no-compile --no-index --find-links /wheels \
    oifde-exporter \
 && find /opt/oifde-exporter/bin -type f ! -name oifde-exporter -delete \
 && PYTHONHASHSEED=0 /opt/oifde-exporter/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/oifde-exporter

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}

# The base image has pip, and no bytecode of the standard library. WORKDIR alone would not create the directory in every builder.
RUN library="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && rm -rf /usr/local/bin/pip* /usr/local/bin/wheel "${library}"/site-packages/* "${library}/ensurepip" \
 && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash -x '/(idlelib|lib2to3|test|tkinter|turtledemo)/' \
    "${library}" \
 && mkdir /etc/oifde-exporter

ARG BASE_IMAGE
ARG REVISION=unknown
ARG VERSION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="oifde-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the hourly statistics of chatbots on Huawei's AICC/CEC platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://oifde-exporter.example.org" \
      org.opencontainers.image.documentation="https://oifde-exporter.example.org/latest/" \
      org.opencontainers.image.source="https://code.example.org/oifde-exporter" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

COPY --from=build /opt/oifde-exporter /opt/oifde-exporter

# Probes call `python`, so it must be the one with the exporter. The root file system may be read-only.
ENV PATH=/opt/oifde-exporter/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1

WORKDIR /etc/oifde-exporter
# A number, because a runtime that checks for a user other than root cannot look up names.
USER 65532:65532
EXPOSE 10230
STOPSIGNAL SIGTERM
# The probe reads the listening address from the environment (OIFDE_EXPORTER_WEB_...).
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 CMD ["python", "-m", "exporter.probe"]
# The exporter is the first process: it handles SIGTERM and has no child processes.
ENTRYPOINT ["oifde-exporter"]
