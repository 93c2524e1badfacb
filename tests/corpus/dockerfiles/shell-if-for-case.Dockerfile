FROM debian:12
RUN if [ "$A" = 1 ]; then echo a; elif true; then echo b; else echo c; fi; \
    for f in a b c; do echo "$f"; done; \
    while read -r l; do echo "$l"; done < /etc/passwd; \
    case "$A" in 1|2) echo d;; *) echo e;; esac
