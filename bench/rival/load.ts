/**
 * Asks one server as fast as it answers over so many connections, for so many seconds or until so many answers; prints
 * {"answers", "seconds", "wrong"}. An answer without a record is wrong.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const [port, connections, limit, file] = process.argv.slice(2) as [string, string, string, string];
const requests = (JSON.parse(readFileSync(file, 'utf8')) as string[]).map((body) =>
  Buffer.from(
    `POST / HTTP/1.1\r\nHost: localhost:${port}\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n` +
      `Connection: keep-alive\r\nUser-Agent: python-httpx/0.28.1\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  ),
);
const [, amount, unit] = /^(\d+)(s?)$/.exec(limit)!;
const started = performance.now();
const end = unit === 's' ? started + Number(amount) * 1000 : Infinity;
const most = unit === 's' ? Infinity : Number(amount);
let asked = 0;
let answers = 0;
let wrong = 0;

function client(first: number): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(Number(port), '127.0.0.1').setNoDelay();
    let next = first;
    let received = '';
    const ask = (): void => {
      if (performance.now() >= end || asked >= most) {
        socket.destroy();
        done();
        return;
      }
      asked += 1;
      socket.write(requests[next++ % requests.length]!);
    };
    socket.on('connect', ask);
    socket.on('error', fail);
    socket.on('data', (data) => {
      received += data.toString('latin1');
      const head = received.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received)![1]);
      if (received.length < head + 4 + length) return;
      answers += 1;
      if (!received.includes('{"data":{"result":{')) wrong += 1;
      received = '';
      ask();
    });
  });
}

void Promise.all(Array.from({ length: Number(connections) }, (_, index) => client(index * 7))).then(() => {
  process.stdout.write(JSON.stringify({ answers, seconds: (performance.now() - started) / 1000, wrong }));
});
