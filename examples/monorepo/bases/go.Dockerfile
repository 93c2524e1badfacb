# The organisation's go.
FROM golang:1.22-alpine
COPY motd /etc/motd
