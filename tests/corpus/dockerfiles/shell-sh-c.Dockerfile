FROM debian:12
RUN sh -c "apt-get update && apt-get install -y curl | tee log"
