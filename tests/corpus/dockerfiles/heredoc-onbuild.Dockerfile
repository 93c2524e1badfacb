FROM debian:12
ONBUILD RUN <<EOF
echo a
EOF
