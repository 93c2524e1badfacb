FROM debian:12
RUN cat <<EOF
EOF
RUN true
