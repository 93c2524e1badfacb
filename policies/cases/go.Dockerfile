FROM --platform=$BUILDPLATFORM registry.example/golang:1.26 AS build
ARG TARGETARCH
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=netrc git clone https://example.com/private.git
RUN GOARCH=amd64 go build -o /server ./cmd/server

FROM ${RUNTIME}
FROM scratch
COPY --from=biuld /server /server
COPY --from=build /server /server
USER 10001
ENTRYPOINT ['/server']
