FROM python:3.13-slim AS build
RUN pip install --no-cache-dir poetry==2.1.3
WORKDIR /app
COPY pyproject.toml poetry.lock ./
RUN poetry config virtualenvs.in-project true && poetry install --only main --no-root
FROM python:3.13-slim
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY src src
ENV PATH=/app/.venv/bin:$PATH
USER 10001:10001
CMD ["python", "-m", "app"]
