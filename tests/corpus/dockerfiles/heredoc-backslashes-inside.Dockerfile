FROM debian:12
RUN <<EOF
echo a \
  b
# a comment
EOF
