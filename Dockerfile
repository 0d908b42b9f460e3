# Builds the wheel and the environment that it runs in; nothing of the tools for that reaches the image.
FROM python:3.11.15-slim-trixie AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

# For `strip`. Its version does not matter: it leaves nothing of itself behind.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*

RUN python -m venv /opt/build \
    && python -m venv --without-pip /opt/shortener

WORKDIR /source
# These change seldom, so that they stay cached when the source changes.
COPY requirements.txt requirements-build.txt scripts/strip_symbols.sh ./
RUN /opt/build/bin/pip install --require-hashes -r requirements-build.txt \
    && /opt/build/bin/pip --python /opt/shortener/bin/python install --require-hashes -r requirements.txt \
    && sh strip_symbols.sh /opt/shortener

COPY pyproject.toml README.md LICENSE ./
COPY shortener shortener
COPY workers workers
COPY migrations migrations
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/build/bin/pip --python /opt/shortener/bin/python install --no-deps /wheel/*.whl


FROM python:3.11.15-slim-trixie

ARG VERSION=dev
LABEL org.opencontainers.image.title="shortener" \
      org.opencontainers.image.description="An async-first URL shortener: an answered redirect is a counted click." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"

RUN groupadd --system --gid 10001 shortener \
    && useradd --system --uid 10001 --gid shortener --no-create-home --home-dir /nonexistent shortener

COPY --from=builder /opt/shortener /opt/shortener

ENV PATH=/opt/shortener/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SHORTENER_HOST=0.0.0.0

WORKDIR /tmp
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000

# Through http.client, which asks no proxy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SHORTENER_PORT') or 8000), timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]

CMD ["shortener", "web"]
