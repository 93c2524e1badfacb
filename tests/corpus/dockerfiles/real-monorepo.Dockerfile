# syntax=docker/dockerfile:1
FROM node:24-slim AS workspace
WORKDIR /repo
COPY package.json package-lock.json ./
COPY packages/api/package.json packages/api/
COPY packages/web/package.json packages/web/
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
FROM workspace AS api-build
RUN npm run build -w packages/api
FROM node:24-slim AS api
ENV NODE_ENV=production
COPY --from=api-build /repo/packages/api/dist /app
USER node
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node", "/app/main.js"]
