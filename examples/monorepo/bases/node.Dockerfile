# The organisation's node.
FROM node:20-alpine
COPY motd /etc/motd
