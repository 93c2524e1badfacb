FROM gcc:15 AS build
WORKDIR /src
COPY . .
RUN cmake -B build && cmake --build build -j"$(nproc)"
FROM debian:trixie-slim
COPY --from=build /src/build/app /usr/bin/app
USER nobody
CMD ["app"]
