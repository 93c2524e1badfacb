FROM alpine:3.22
RUN apk --update add curl jq && rm -rf /var/cache/apk/*
ENTRYPOINT ["curl"]
