FROM debian:12
RUN server & sleep 1 && curl -f http://localhost && kill %1
