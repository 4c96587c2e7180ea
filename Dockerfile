# The image of the LiteLLM proxy. Targets: full (default), slim (no UI, no Node, no database), builder (adds packages).
# The build argument PACKAGES=complete makes of full the image with LiteLLM's heavy optional packages; previous and next
# make it of another line of LiteLLM, for tests.
# A slim build takes the build argument FLAVOUR=slim too, or its base has Node.
#   make image                        from locked Debian packages, the way releases are built
#   docker build .                    from debian:trixie-slim, with the versions the mirror has today
# Behind a proxy that re-signs TLS: --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt
ARG BASE=debian:trixie-slim
ARG BASE_FULL=debian:trixie-slim
ARG TOOLS=debian:trixie-slim
ARG FLAVOUR=full
ARG PACKAGES=full

# What the finished image stands on: Debian's Python, OpenSSL, CA certificates and tini; no package manager.
FROM ${BASE} AS base-slim
RUN --mount=type=bind,source=docker/base/install.sh,target=/mnt/install.sh \
    --mount=type=bind,source=docker/base/finish.sh,target=/mnt/finish.sh \
    --mount=type=bind,source=docker/base/programs.txt,target=/mnt/programs.txt \
    --mount=type=bind,source=docker/base/runtime.txt,target=/mnt/runtime.txt \
    sh /mnt/install.sh runtime

# The same and Node, which runs the query engine.
FROM ${BASE_FULL} AS base-full
RUN --mount=type=bind,source=docker/base/install.sh,target=/mnt/install.sh \
    --mount=type=bind,source=docker/base/finish.sh,target=/mnt/finish.sh \
    --mount=type=bind,source=docker/base/programs.txt,target=/mnt/programs.txt \
    --mount=type=bind,source=docker/base/runtime.txt,target=/mnt/runtime.txt \
    --mount=type=bind,source=docker/base/node.txt,target=/mnt/node.txt \
    sh /mnt/install.sh full

# For build stages only: pip, and through it uv.
FROM ${TOOLS} AS tools
ARG INDEX_URL=
ENV PYTHONHASHSEED=0
RUN --mount=type=bind,source=docker/base/install.sh,target=/mnt/install.sh \
    --mount=type=bind,source=docker/base/runtime.txt,target=/mnt/runtime.txt \
    --mount=type=bind,source=docker/base/tools.txt,target=/mnt/tools.txt \
    sh /mnt/install.sh tools
RUN --mount=type=bind,source=requirements/tools.txt,target=/requirements/tools.txt \
    --mount=type=bind,source=docker/python/uv.sh,target=/mnt/uv.sh \
    --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    sh /mnt/uv.sh

# The locked wheels in a virtual environment, with bytecode. A licence that nobody allowed, or a package without a
# reason, stops the build.
FROM tools AS python-slim
RUN --mount=type=bind,source=requirements,target=/requirements --mount=type=bind,source=docker/python,target=/mnt \
    --mount=type=bind,source=entrypoint/slipway/patches.py,target=/build/slipway/patches.py \
    --mount=type=bind,source=entrypoint/slipway/integrity,target=/build/slipway/integrity \
    --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    sh /mnt/install.sh slim

FROM tools AS python
ARG ENTERPRISE=0
ARG PACKAGES
RUN --mount=type=bind,source=requirements,target=/requirements --mount=type=bind,source=docker/python,target=/mnt \
    --mount=type=bind,source=entrypoint/slipway/patches.py,target=/build/slipway/patches.py \
    --mount=type=bind,source=entrypoint/slipway/integrity,target=/build/slipway/integrity \
    --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    sh /mnt/install.sh "${PACKAGES}" "${ENTERPRISE}"

# For build stages only: Node with npm.
FROM tools AS node
ARG NPM_REGISTRY=
ENV PATH=/opt/node/bin:$PATH
RUN --mount=type=bind,source=requirements/node.txt,target=/requirements/node.txt \
    --mount=type=bind,source=docker/prisma/node.sh,target=/mnt/node.sh \
    --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    sh /mnt/node.sh

# Prisma's engines compiled to WebAssembly, each with the few lines around it: one runs queries, one migrations.
FROM node AS engines
RUN --mount=type=bind,source=docker/prisma,target=/mnt --mount=type=bind,source=requirements,target=/requirements \
    --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    sh /mnt/engines.sh /opt/slipway

# LiteLLM's database client, generated from its schema.
FROM python AS prisma
ARG NPM_REGISTRY=
COPY --from=node /opt/node /opt/node
RUN --mount=type=bind,source=docker/prisma/generate,target=/mnt/generate \
    --mount=type=bind,source=docker/prisma/npm.sh,target=/mnt/npm.sh \
    --mount=type=bind,source=docker/prisma/generate.sh,target=/mnt/generate.sh \
    --mount=type=bind,source=docker/python/guard.py,target=/mnt/guard.py \
    --mount=type=bind,source=entrypoint/slipway/patches.py,target=/build/slipway/patches.py \
    --mount=type=bind,source=entrypoint/slipway/integrity,target=/build/slipway/integrity \
    --mount=type=cache,target=/root/.cache --mount=type=secret,id=ca \
    mkdir -p /build/generate && PATH=/opt/node/bin:$PATH sh /mnt/npm.sh generate /build/generate && sh /mnt/generate.sh

# What importing the proxy always does the same way, done once: places of modules, compiled texts, tables of names.
FROM prisma AS warm
ARG PACKAGES
RUN --mount=type=bind,source=docker/python/warm.sh,target=/mnt/warm.sh \
    --mount=type=bind,source=entrypoint/slipway/files.py,target=/mnt/slipway/files.py \
    --mount=type=bind,source=entrypoint/slipway/log.py,target=/mnt/slipway/log.py \
    --mount=type=bind,source=entrypoint/slipway/runtime/accounting,target=/mnt/slipway/runtime/accounting \
    --mount=type=bind,source=entrypoint/slipway/runtime/change.py,target=/mnt/slipway/runtime/change.py \
    --mount=type=bind,source=entrypoint/slipway/runtime/config_in_force.py,target=/mnt/slipway/runtime/config_in_force.py \
    --mount=type=bind,source=entrypoint/slipway/runtime/request_path,target=/mnt/slipway/runtime/request_path \
    --mount=type=bind,source=entrypoint/slipway/runtime/warmup,target=/mnt/slipway/runtime/warmup \
    --mount=type=bind,source=entrypoint/slipway/workers/configuration.py,target=/mnt/slipway/workers/configuration.py \
    sh /mnt/warm.sh "${PACKAGES}"

FROM python-slim AS warm-slim
RUN --mount=type=bind,source=docker/python/warm.sh,target=/mnt/warm.sh \
    --mount=type=bind,source=entrypoint/slipway/files.py,target=/mnt/slipway/files.py \
    --mount=type=bind,source=entrypoint/slipway/log.py,target=/mnt/slipway/log.py \
    --mount=type=bind,source=entrypoint/slipway/runtime/accounting,target=/mnt/slipway/runtime/accounting \
    --mount=type=bind,source=entrypoint/slipway/runtime/change.py,target=/mnt/slipway/runtime/change.py \
    --mount=type=bind,source=entrypoint/slipway/runtime/config_in_force.py,target=/mnt/slipway/runtime/config_in_force.py \
    --mount=type=bind,source=entrypoint/slipway/runtime/request_path,target=/mnt/slipway/runtime/request_path \
    --mount=type=bind,source=entrypoint/slipway/runtime/warmup,target=/mnt/slipway/runtime/warmup \
    --mount=type=bind,source=entrypoint/slipway/workers/configuration.py,target=/mnt/slipway/workers/configuration.py \
    sh /mnt/warm.sh slim

# What LiteLLM reads, variables and keys of its config, for `check`, and the hosts that it asks, for `egress`.
FROM prisma AS known
RUN --mount=type=bind,source=docker/python/known.sh,target=/mnt/known.sh \
    --mount=type=bind,source=docker/python/known,target=/mnt/known \
    sh /mnt/known.sh

FROM python-slim AS known-slim
RUN --mount=type=bind,source=docker/python/known.sh,target=/mnt/known.sh \
    --mount=type=bind,source=docker/python/known,target=/mnt/known \
    sh /mnt/known.sh

# The admin UI: taken out of the wheel, so that the image holds it once, and marked ready to serve.
FROM tools AS ui
RUN --mount=type=bind,from=python,source=/stage,target=/stage \
    --mount=type=bind,source=docker/ui/stage.py,target=/mnt/stage.py \
    python3 /mnt/stage.py /stage /var/lib/litellm

# Slipway itself, with bytecode.
FROM tools AS app
COPY entrypoint/entrypoint.sh /opt/slipway/
COPY entrypoint/bin /opt/slipway/bin
COPY entrypoint/slipway /opt/slipway/app/slipway
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/slipway/app \
    && find /opt/slipway -exec touch -h -d @0 {} +

# Everything the targets share: user, directories, variables. Any uid works, with gid 0.
# A stage of this file.
# hadolint ignore=DL3006
FROM base-${FLAVOUR} AS runtime
RUN --mount=type=bind,source=docker/prepare.sh,target=/mnt/prepare.sh sh /mnt/prepare.sh
ENV PATH=/opt/slipway/venv/bin:/opt/slipway/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/slipway \
    LANG=C.UTF-8 \
    PRISMA_QUERY_ENGINE_BINARY=/opt/slipway/prisma/query-engine/query-engine \
    PYTHONUNBUFFERED=1 \
    LITELLM_MODE=PRODUCTION \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True \
    LITELLM_LOCAL_AUTOROUTER_PRESETS=True \
    LITELLM_LOCAL_BLOG_POSTS=True \
    LITELLM_LOCAL_POLICY_TEMPLATES=True
WORKDIR /app
USER 65532:0
EXPOSE 4000 4001
# SIGTERM: the supervisor drains the whole container on it. Give it time: docker run --stop-timeout 640.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/opt/slipway/entrypoint.sh", "healthcheck"]
ENTRYPOINT ["tini", "--", "/opt/slipway/entrypoint.sh"]
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=https://github.com/OWNER/slipway
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Slipway" \
      org.opencontainers.image.description="The LiteLLM proxy, hardened, fast to start and safe to stop" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="Slipway" \
      org.opencontainers.image.base.name="debian:trixie-slim"

# For a user's own FROM: `slipway-add requirements.txt` puts hash-locked packages where the gateway finds them.
FROM tools AS builder
COPY --from=python /opt/slipway/venv /opt/slipway/venv
COPY --chmod=0755 docker/builder/slipway-add.py /usr/local/bin/slipway-add
COPY entrypoint/slipway/integrity /usr/lib/python3/dist-packages/slipway/integrity
WORKDIR /build
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=https://github.com/OWNER/slipway
LABEL org.opencontainers.image.title="Slipway builder" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="MIT"

FROM runtime AS slim
COPY --from=python-slim /opt/slipway/venv /opt/slipway/venv
COPY --from=warm-slim /opt/slipway/warm /opt/slipway/warm
COPY --from=known-slim /opt/slipway/known.json /opt/slipway/hosts.json /opt/slipway/
COPY --from=app /opt/slipway /opt/slipway

FROM runtime AS full
COPY --from=ui /var/lib/litellm /var/lib/litellm
COPY --from=prisma /opt/slipway/venv /opt/slipway/venv
COPY --from=warm /opt/slipway/warm /opt/slipway/warm
COPY --from=known /opt/slipway/known.json /opt/slipway/hosts.json /opt/slipway/
COPY --from=engines /opt/slipway /opt/slipway
COPY --from=app /opt/slipway /opt/slipway
