FROM debian:12
RUN apt-get update && apt-get install -y git ca-certificates && \
    git clone --depth 1 https://github.com/example/tool.git /tool && \
    cd /tool && make install && \
    apt-get purge -y git && apt-get autoremove -y && rm -rf /var/lib/apt/lists/* /tool
