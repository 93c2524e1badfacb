FROM debian:12
USER 1000 # not a comment
