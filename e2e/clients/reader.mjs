// Reads streams with the `eventsource` package, which reconnects by itself, until each has ended for good.
//
//   node reader.mjs URL STREAM...            one EventSource for each stream
//   node reader.mjs URL --together STREAM... one EventSource for all of them
//
// Each event is one line on stdout: {"stream","id"}; so is what is not an event: {"stream","gap"} and, once the
// server answers 204 because there is nothing more to come, {"stream","closed"}.
import { EventSource } from "eventsource";

const [url, ...rest] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

function read(name, address) {
  const source = new EventSource(address);
  source.onmessage = ({ data, lastEventId }) => {
    const event = JSON.parse(data);
    if (lastEventId === "") throw new Error(`${event.id} came without a cursor`);
    say({ stream: event.stream ?? event.subject.split("/")[0], id: event.id });
  };
  source.addEventListener("headwater.gap", ({ data }) => say({ stream: name, gap: JSON.parse(data) }));
  source.addEventListener("error", ({ code, message }) => {
    if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
    if (code !== 204) throw new Error(`${name}: closed by ${code} ${message}`);
    say({ stream: name, closed: true });
  });
}

if (rest[0] === "--together") {
  read("*", `${url}/v1/events?streams=${rest.slice(1).join(",")}&after=earliest&named=false`);
} else {
  for (const stream of rest) read(stream, `${url}/v1/streams/${stream}/events?named=false`);
}
