FROM debian:12 AS a
HEALTHCHECK NONE
FROM debian:12 AS b
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD curl -f http://localhost/ || exit 1
FROM debian:12
COPY --from=a /a /a
COPY --from=b /b /b
HEALTHCHECK CMD ["curl", "-f", "http://localhost/"]
