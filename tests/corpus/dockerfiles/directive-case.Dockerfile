# SYNTAX=docker/dockerfile:1
# Escape=\
FROM debian:12
