FROM debian:12
SHELL ["/bin/bash", "-c"]
RUN [[ -n "$A" && "$A" =~ ^[0-9]+$ ]] || { echo no; exit 1; }
