FROM debian:12
COPY --chown=1:1 \
  --chmod=755 \
  a b \
  /c/
