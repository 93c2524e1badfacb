# The organisation's python.
FROM python:3.12-slim-bookworm
COPY motd /etc/motd
