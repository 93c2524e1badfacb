FROM python:3.13-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 gettext \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv
COPY requirements/ requirements/
RUN pip install --no-cache-dir -r requirements/prod.txt
COPY . .
RUN python manage.py collectstatic --noinput
RUN adduser --disabled-password --gecos "" web
USER web
ENTRYPOINT ["./entrypoint.sh"]
CMD ["gunicorn", "project.wsgi"]
