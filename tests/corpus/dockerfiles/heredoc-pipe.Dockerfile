FROM debian:12
RUN cat <<EOF | tee /etc/app.conf
a=b
EOF
