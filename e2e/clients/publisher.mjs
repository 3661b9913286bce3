// Publishes interleaved runs with the CloudEvents SDK, each event again until it is answered with 200.
//
//   node publisher.mjs URL PREFIX RUNS EVENTS
//
// Each answered event is one line on stdout: {"stream","id","duplicate"}. Ends with 0 when all are answered.
import { CloudEvent, Mode, emitterFor } from "cloudevents";

const [url, prefix, runs, events] = process.argv.slice(2);
const RETRY_MS = 50;
const GIVE_UP_MS = 120_000;

const post = async (message) => {
  const body = message.body === undefined ? undefined : String(message.body);
  const answer = await fetch(`${url}/v1/events`, { method: "POST", headers: message.headers, body });
  return { status: answer.status, text: await answer.text() };
};
const emit = { binary: emitterFor(post, { mode: Mode.BINARY }), structured: emitterFor(post, { mode: Mode.STRUCTURED }) };

async function publish(mode, event) {
  const until = Date.now() + GIVE_UP_MS;
  for (;;) {
    let answer;
    try {
      answer = await emit[mode](event);
    } catch (error) {
      answer = { status: 0, text: String(error.cause ?? error) };
    }
    if (answer.status === 200) return JSON.parse(answer.text).results[0];
    const refused = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    if (refused || Date.now() > until) throw new Error(`${event.id}: ${answer.status} ${answer.text}`);
    await new Promise((wake) => setTimeout(wake, RETRY_MS));
  }
}

function content(stream, n, last) {
  if (n === 0) return { type: "workflow.started.v1", subject: stream };
  if (n === last) return { type: "workflow.completed.v1", subject: stream };
  const type = n % 3 === 0 ? "e2e.step.done" : "e2e.text.chunk";
  return { type, subject: `${stream}/task/t-${n % 5}`, data: { n, text: `line ${n}\r\n“quoted” ✓ ${"x".repeat(n % 200)}` } };
}

async function run(index) {
  const stream = `${prefix}-${index}`;
  for (let n = 0; n < Number(events); n += 1) {
    const id = `${stream}.${n}`;
    const event = new CloudEvent({ id, source: `/e2e/${index}`, ...content(stream, n, Number(events) - 1) });
    const mode = (n + index) % 2 === 0 ? "binary" : "structured";
    const result = await publish(mode, event);
    if (result.id !== id || typeof result.cursor !== "string") throw new Error(`odd answer ${JSON.stringify(result)}`);
    console.log(JSON.stringify({ stream, id, duplicate: result.duplicate }));
  }
}

await Promise.all(Array.from({ length: Number(runs) }, (_, index) => run(index)));
