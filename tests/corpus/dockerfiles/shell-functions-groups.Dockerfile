FROM debian:12
RUN f() { echo "$1"; }; f a; (cd /tmp && ls); { echo b; echo c; } > /d
