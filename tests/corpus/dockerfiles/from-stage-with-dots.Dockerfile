FROM debian:12 AS build-2.0_x
COPY --from=build-2.0_x /a /a
