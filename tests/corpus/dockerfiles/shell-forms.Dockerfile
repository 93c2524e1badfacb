FROM debian:12
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN cat a | sort
SHELL ["/bin/sh", "-c"]
RUN cat a | sort
