cat >/tmp/main.js <<'END'
const crypto = require("crypto"), zlib = require("zlib"), { Worker } = require("worker_threads"), { execFileSync } = require("child_process");
console.log("sha256", crypto.createHash("sha256").update("abc").digest("hex").slice(0, 8));
console.log("gzip", zlib.gunzipSync(zlib.gzipSync("there and back")).toString());
new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true }).on("message", (n) => {
  console.log("worker", n);
  console.log("child", execFileSync(process.execPath, ["-p", "1 + 2"]).toString().trim());
  console.log(new Intl.DateTimeFormat("de", { weekday: "long", timeZone: "UTC" }).format(new Date(0)));
});
END
node /tmp/main.js
rm /tmp/main.js
greet
