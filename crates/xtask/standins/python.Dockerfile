# A stand-in for python:3.12-slim-bookworm: Debian's own python3 in a virtual environment at /usr/local.
ARG DEBIAN
FROM ${DEBIAN}
RUN apt-get update && \
    apt-get install -y --no-install-recommends python3 python3-venv && \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log && \
    python3 -m venv /usr/local && \
    find / -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
ENV LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt
LABEL dev.windlass.standin=true
CMD ["python3"]
