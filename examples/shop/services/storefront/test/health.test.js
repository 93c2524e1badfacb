"use strict";

const assert = require("node:assert");
const { test } = require("node:test");
const { build } = require("../server.js");

test("answers /health", async () => {
  const answer = await build().inject("/health");
  assert.deepStrictEqual(answer.json(), { status: "healthy" });
});
