FROM debian:12
COPY --chmod=755 <<EOF /run.sh
#!/bin/sh
exec "$@"
EOF
ENTRYPOINT ["/run.sh"]
