FROM debian:12
RUN <<EOF bash
set -euo pipefail
cat a | sort
EOF
