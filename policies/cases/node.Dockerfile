FROM node AS deps
ARG NPM_TOKEN
WORKDIR /app
COPY .npmrc .env ./
COPY package.json ./
RUN npm install --only=production

FROM node:20.11.1-bookworm-slim AS deps
WORKDIR /app
COPY --from=builder /app/dist dist
COPY . .
RUN npm ci
ENV AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
USER nobody2
ENTRYPOINT node server.js
CMD ["--port", "8080"]
