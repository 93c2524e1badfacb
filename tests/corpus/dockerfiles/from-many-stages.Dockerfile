FROM debian:12 AS a
FROM a AS b
FROM b AS c
FROM c AS d
FROM scratch
COPY --from=d /x /x
COPY --from=1 /y /y
