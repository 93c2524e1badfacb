FROM debian:12-slim
ARG VERSION=1.2.3
RUN apt-get update && apt-get install -y --no-install-recommends curl ca-certificates && rm -rf /var/lib/apt/lists/* \
    && curl -fsSLo /tmp/t.tgz "https://example.com/t-${VERSION}.tgz" \
    && echo "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  /tmp/t.tgz" | sha256sum -c - \
    && tar -xzf /tmp/t.tgz -C /usr/local \
    && rm /tmp/t.tgz
USER 1000
ENTRYPOINT ["t"]
