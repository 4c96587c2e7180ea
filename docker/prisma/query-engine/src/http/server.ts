/**
 * The part of HTTP/1.1 that a client on the loopback uses: bodies by length or in chunks, kept connections, requests
 * one after the other. Node's own server costs several times as much a request.
 */
import { createServer, type Server, type Socket } from 'node:net';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export type Handler = (request: Request) => Promise<Reply> | Reply;

const LARGEST_HEAD = 64 * 1024;
const LARGEST_BODY = 256 * 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  413: 'Content Too Large',
  422: 'Unprocessable Entity',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  504: 'Gateway Timeout',
};

export function createHttpServer(handler: Handler): Server {
  return createServer({ noDelay: true }, (socket) => {
    new Exchange(socket, handler);
  });
}

interface Head {
  readonly method: string;
  readonly path: string;
  readonly text: string;
  readonly keepAlive: boolean;
  readonly length: number;
  readonly chunked: boolean;
}

/** One client connection. */
class Exchange {
  private parts: Buffer[] = [];
  private size = 0;
  /** Bytes that must have arrived before it is worth looking again. */
  private needed = 1;
  private head: Head | undefined;
  private bodyStart = 0;
  private busy = false;

  constructor(
    private readonly socket: Socket,
    private readonly handler: Handler,
  ) {
    socket.on('data', (data: Buffer) => {
      this.parts.push(data);
      this.size += data.length;
      if (!this.busy && this.size >= this.needed) this.advance();
    });
    // A client that goes away needs no answer.
    socket.on('error', () => socket.destroy());
  }

  /** Takes the next request out of what has arrived, if it is complete. */
  private advance(): void {
    const data = this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts, this.size);
    this.parts = [data];
    try {
      if (this.head === undefined && !this.readHead(data)) return;
      const head = this.head!;
      const body = head.chunked ? readChunks(data, this.bodyStart) : this.readBody(data, head);
      if (body === undefined) {
        if (this.size > this.bodyStart + LARGEST_BODY) throw new Refusal(413);
        return;
      }
      this.consume(data, body.end);
      this.serve(head, body.text);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.socket.end(replyText({ status: error.status, type: 'text/plain', body: '' }, false));
      this.busy = true;
    }
  }

  private readHead(data: Buffer): boolean {
    const end = data.indexOf(HEAD_END);
    if (end < 0) {
      if (data.length > LARGEST_HEAD) throw new Refusal(431);
      this.needed = data.length + 1;
      return false;
    }
    this.head = parseHead(data.toString('latin1', 0, end));
    this.bodyStart = end + HEAD_END.length;
    if (data.length === this.bodyStart && headerOf(this.head.text, 'expect') !== undefined) {
      this.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    }
    return true;
  }

  private readBody(data: Buffer, head: Head): Body | undefined {
    const end = this.bodyStart + head.length;
    if (data.length < end) {
      this.needed = end;
      return undefined;
    }
    return { text: data.toString('utf8', this.bodyStart, end), end };
  }

  private consume(data: Buffer, end: number): void {
    this.parts = data.length === end ? [] : [data.subarray(end)];
    this.size = data.length - end;
    this.needed = 1;
    this.head = undefined;
  }

  private serve(head: Head, body: string): void {
    this.busy = true;
    const request: Request = {
      method: head.method,
      path: head.path,
      body,
      header: (name) => headerOf(head.text, name),
    };
    void this.answer(request, head.keepAlive);
  }

  private async answer(request: Request, keepAlive: boolean): Promise<void> {
    let reply: Reply;
    try {
      reply = await this.handler(request);
    } catch {
      reply = { status: 500, type: 'text/plain', body: '' };
    }
    const text = replyText(reply, keepAlive);
    if (!keepAlive) {
      this.socket.end(text);
      return;
    }
    this.socket.write(text);
    this.busy = false;
    if (this.size > 0) this.advance();
  }
}

/** A request that is answered with a status and the end of the connection. */
class Refusal extends Error {
  constructor(readonly status: number) {
    super();
  }
}

function parseHead(text: string): Head {
  const line = /^([A-Z]+) (\/\S*) HTTP\/1\.([01])(?:\r\n|$)/.exec(text);
  if (line === null) throw new Refusal(400);
  const connection = headerOf(text, 'connection')?.toLowerCase();
  const coding = headerOf(text, 'transfer-encoding')?.toLowerCase();
  if (coding !== undefined && coding !== 'chunked') throw new Refusal(501);
  const length = headerOf(text, 'content-length') ?? '0';
  if (!/^\d{1,15}$/.test(length)) throw new Refusal(400);
  if (Number(length) > LARGEST_BODY) throw new Refusal(413);
  return {
    method: line[1]!,
    path: line[2]!,
    text,
    keepAlive: line[3] === '1' ? connection !== 'close' : connection === 'keep-alive',
    length: Number(length),
    chunked: coding !== undefined,
  };
}

const HEADER_PATTERNS = new Map<string, RegExp>();

function headerOf(head: string, name: string): string | undefined {
  let pattern = HEADER_PATTERNS.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)`, 'i');
    HEADER_PATTERNS.set(name, pattern);
  }
  return pattern.exec(head)?.[1]?.trimEnd();
}

interface Body {
  readonly text: string;
  readonly end: number;
}

/** The chunked body that begins at `start`; undefined while its end has not arrived. */
function readChunks(data: Buffer, start: number): Body | undefined {
  const chunks: Buffer[] = [];
  let position = start;
  for (;;) {
    const lineEnd = data.indexOf('\r\n', position, 'latin1');
    if (lineEnd < 0) return undefined;
    const size = /^([0-9a-fA-F]{1,8})(?:[ \t]*;.*)?$/.exec(data.toString('latin1', position, lineEnd))?.[1];
    if (size === undefined) throw new Refusal(400);
    const length = Number.parseInt(size, 16);
    position = lineEnd + 2;
    if (length === 0) break;
    if (data.length < position + length + 2) return undefined;
    chunks.push(data.subarray(position, position + length));
    position += length + 2;
  }
  // Trailers, if any, end with an empty line.
  for (;;) {
    const lineEnd = data.indexOf('\r\n', position, 'latin1');
    if (lineEnd < 0) return undefined;
    const empty = lineEnd === position;
    position = lineEnd + 2;
    if (empty) return { text: Buffer.concat(chunks).toString('utf8'), end: position };
  }
}

function replyText(reply: Reply, keepAlive: boolean): string {
  const { status, type, body } = reply;
  return (
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Unknown'}\r\ncontent-type: ${type}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n${keepAlive ? '' : 'connection: close\r\n'}\r\n${body}`
  );
}
