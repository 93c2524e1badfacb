const { createServer } = require("node:http");

createServer((_request, response) => response.end("Acme\n")).listen(3000);
