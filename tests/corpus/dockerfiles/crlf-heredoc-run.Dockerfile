FROM debian:12
RUN <<EOF
apt-get update
echo FROM nowhere
EOF
USER 1
