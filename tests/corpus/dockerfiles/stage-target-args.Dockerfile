ARG BASE=debian:12
FROM ${BASE} AS runtime
ARG BASE
LABEL base="${BASE}"
