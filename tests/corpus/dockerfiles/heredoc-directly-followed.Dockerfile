FROM debian:12
RUN <<EOF
echo a
EOF
RUN <<EOF
echo b
EOF
COPY a /a
