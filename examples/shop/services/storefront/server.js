"use strict";

const fastify = require("fastify");

/** Builds the application without listening, so that a test can ask it directly. */
function build() {
  const app = fastify();
  app.get("/health", async () => ({ status: "healthy" }));
  app.get("/", async () => ({ shop: "open" }));
  return app;
}

if (require.main === module) {
  const port = Number(process.env.PORT ?? 3000);
  build()
    .listen({ host: "0.0.0.0", port })
    .catch((error) => {
      console.error(error);
      process.exit(1);
    });
}

module.exports = { build };
