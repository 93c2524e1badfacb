FROM busybox:latest
USER 10001
