# syntax=docker/dockerfile:1-labs
FROM debian:12
RUN --network=none --security=sandbox true
