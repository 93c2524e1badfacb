FROM debian:12
RUN cat <<< "a" && true
