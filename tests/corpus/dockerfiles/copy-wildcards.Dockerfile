FROM debian:12
COPY package*.json ./src/[ab]?.txt /app/
