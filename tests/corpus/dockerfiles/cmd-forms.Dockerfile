FROM debian:12 AS a
CMD ["a", "b"]
FROM debian:12 AS b
CMD a b
FROM debian:12 AS c
CMD []
FROM debian:12
COPY --from=a /a /a
CMD exec a
