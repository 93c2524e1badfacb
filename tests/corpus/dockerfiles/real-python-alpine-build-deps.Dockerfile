FROM python:3.13-alpine
COPY requirements.txt /
RUN apk add --no-cache --virtual .build gcc musl-dev libffi-dev \
    && pip install --no-cache-dir -r /requirements.txt \
    && apk del .build
USER nobody
CMD ["python", "-u", "/app.py"]
