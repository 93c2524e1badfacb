FROM postgres:17
ENV POSTGRES_DB=app
COPY init.sql /docker-entrypoint-initdb.d/
