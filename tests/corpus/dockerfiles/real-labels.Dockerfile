FROM alpine:3.22
LABEL org.opencontainers.image.title="app" \
      org.opencontainers.image.version="1.2.3" \
      org.opencontainers.image.source="https://github.com/example/app" \
      org.opencontainers.image.licenses="Apache-2.0"
CMD ["true"]
