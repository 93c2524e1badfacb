FROM debian:12
LABEL a=b
LABEL org.opencontainers.image.title="a title" "key with blanks"="x"
LABEL description="two \
lines"
LABEL old form
