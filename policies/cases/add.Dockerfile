FROM python:3.12-slim-bookworm
ADD app.py /app/
USER 10001
