FROM python:3.13-slim
ARG PIP_TOKEN
RUN pip install --index-url https://user:${PIP_TOKEN}@pypi.example/simple app==1.0
