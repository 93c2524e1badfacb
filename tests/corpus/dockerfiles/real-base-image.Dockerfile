FROM debian:12-slim
ARG UID=10001
RUN groupadd -g ${UID} app && useradd -l -u ${UID} -g app app
ONBUILD COPY --chown=app:app . /app
USER ${UID}
WORKDIR /app
