# syntax=docker/dockerfile:1-labs
FROM debian:12
COPY --link --parents --exclude=*.md src/ /src/
