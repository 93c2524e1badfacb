FROM gcr.io/distroless/static-debian12:nonroot@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
COPY server /server
HEALTHCHECK CMD ["/server", "-health"]
ENTRYPOINT ["/server"]
