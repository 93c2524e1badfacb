FROM denoland/deno:2.4.0
WORKDIR /app
USER deno
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY . .
CMD ["run", "--allow-net", "main.ts"]
