ARG REGISTRY=123456789012.dkr.ecr.eu-west-1.amazonaws.com
FROM ${REGISTRY}/base/python:3.13
COPY . /app
CMD ["python", "/app/main.py"]
