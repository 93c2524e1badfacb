require("depd");
require("fs").writeFileSync("built.json", JSON.stringify("built"));
