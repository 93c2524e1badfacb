FROM debian:12
RUN cat <<EOF > Dockerfile
FROM alpine
RUN apk add curl
USER root
EOF
USER 1
