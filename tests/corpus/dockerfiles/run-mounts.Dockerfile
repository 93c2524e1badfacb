# syntax=docker/dockerfile:1
FROM golang:1.27 AS build
RUN --mount=type=cache,target=/go/pkg/mod,sharing=locked \
    --mount=type=bind,source=go.mod,target=go.mod \
    --mount=type=secret,id=netrc,target=/root/.netrc,required \
    --mount=type=ssh \
    --mount=type=tmpfs,target=/tmp \
    go mod download
FROM debian:12
RUN --mount=from=build,source=/a,target=/a cp /a /b
