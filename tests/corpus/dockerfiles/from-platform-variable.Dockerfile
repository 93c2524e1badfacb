FROM --platform=$BUILDPLATFORM golang:1.27 AS build
FROM --platform=${TARGETPLATFORM} debian:12
COPY --from=build /a /a
