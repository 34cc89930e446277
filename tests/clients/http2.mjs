// Streams that run at once on one connection of HTTP/2 in the clear: http2.mjs ORIGIN PATH...
import { connect } from "node:http2";

const [origin, ...paths] = process.argv.slice(2);
const session = connect(origin);
const answers = paths.map(async (path) => {
  const stream = session.request({ ":path": path, "accept-encoding": "gzip" });
  for await (const _ of stream);
});
await Promise.all(answers);
session.close();
