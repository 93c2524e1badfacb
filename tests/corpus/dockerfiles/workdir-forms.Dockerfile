FROM debian:12
WORKDIR /a
WORKDIR sub
WORKDIR /with blanks/c
ENV D=/d
WORKDIR $D/e
