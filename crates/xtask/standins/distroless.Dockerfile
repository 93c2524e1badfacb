# A stand-in for gcr.io/distroless/static-debian12: certificates, time zones, users; no shell.
ARG DEBIAN
FROM ${DEBIAN} AS files
RUN apt-get update && \
    apt-get install -y --no-install-recommends tzdata netbase && \
    rm -rf /var/lib/apt/lists/*
RUN mkdir -p /out/etc/ssl/certs /out/usr/share /out/root /out/home/nonroot /out/tmp /out/var/lib && \
    cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ && \
    cp -a /usr/share/zoneinfo /out/usr/share/ && \
    cp /etc/protocols /etc/services /etc/os-release /out/etc/ && \
    printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >/out/etc/passwd && \
    printf 'root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n' >/out/etc/group && \
    printf 'hosts: files dns\n' >/out/etc/nsswitch.conf && \
    chmod 1777 /out/tmp && chmod 700 /out/root /out/home/nonroot && chown 65532:65532 /out/home/nonroot

FROM scratch AS latest
COPY --from=files /out/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
LABEL dev.windlass.standin=true
WORKDIR /
USER 0

FROM latest AS nonroot
WORKDIR /home/nonroot
USER 65532
