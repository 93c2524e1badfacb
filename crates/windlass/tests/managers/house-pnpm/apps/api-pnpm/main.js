let dev = "dropped";
try {
  require("depd");
  dev = "kept";
} catch {}
console.log(require("./built.json"), require("money"), require("ms/package.json").version, dev);
