# syntax=docker/dockerfile:1
# escape=\
# check=skip=all
FROM debian:12
