let dev = "dropped";
try {
  require("depd");
  dev = "kept";
} catch {}
console.log(require("./built.json"), require("ms")("1h"), dev);
