#!/usr/bin/env node
// Stands in the repository, so that npm links the command before the first build has made dist/.
"use strict";
const { existsSync } = require("node:fs");
const path = require("node:path");

const cli = path.join(__dirname, "..", "dist", "cli.js");
if (existsSync(cli)) {
  require(cli);
} else {
  process.stderr.write("The emulator is not built yet: run npm run build\n");
  process.exit(2);
}
