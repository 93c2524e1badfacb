FROM debian:12
RUN set -euxo pipefail; curl -fsSL https://example.com/a | tar -xz
