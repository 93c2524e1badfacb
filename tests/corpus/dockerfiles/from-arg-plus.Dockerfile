ARG SLIM=yes
FROM debian:12${SLIM:+-slim}
