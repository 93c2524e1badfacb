FROM python:3.12-slim-bookworm
WORKDIR /app
COPY app.py /app/
RUN useradd --no-log-init --uid 10001 app
USER 10001
HEALTHCHECK CMD ["python", "/app/app.py", "--health"]
ENTRYPOINT ["python", "/app/app.py"]
