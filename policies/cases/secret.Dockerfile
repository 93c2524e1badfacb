FROM python:3.12-slim-bookworm
ARG DB_PASSWORD
USER 10001
