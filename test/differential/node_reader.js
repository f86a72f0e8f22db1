// Node's HTTP parser (llhttp, strict) as a reader of recorded bytes.
//
// Standard input: frames of a kind ('q' requests, 's' a response), a method's length and the method ('s': of the request
// that is answered), a number (4 bytes), a length (4 bytes) and the bytes. Standard output: a line of JSON for each.
'use strict';
const http = require('http');
const {Duplex} = require('stream');

function after(turns, what) { setImmediate(() => (turns > 0 ? after(turns - 1, what) : what())); }

class Replay extends Duplex {
  constructor(bytes) {
    super({allowHalfOpen: true, autoDestroy: false});
    this.bytes = bytes;
    this.encrypted = false;
  }
  _read() {
    if (this.bytes === null) return;
    const bytes = this.bytes;
    this.bytes = null;
    this.push(bytes);
    // The end comes once everything in front of it has been handled, as from a peer that waits for its answers.
    after(6, () => { if (!this.destroyed) this.push(null); });
  }
  _write(chunk, encoding, done) { done(); }
  setTimeout() { return this; }
  setNoDelay() { return this; }
  setKeepAlive() { return this; }
  ref() { return this; }
  unref() { return this; }
}

const server = http.createServer({insecureHTTPParser: false, maxHeaderSize: 1 << 18, keepAliveTimeout: 0,
                                  requestTimeout: 0, headersTimeout: 0, connectionsCheckingInterval: 1 << 30});
server.maxHeadersCount = 0;
server.timeout = 0;

function take(request, response) {
  const found = {method: request.method, target: request.url, version: request.httpVersion,
                 fields: request.rawHeaders, body: '', trailers: [], complete: false};
  request.socket.replayed.push(found);
  request.on('data', (piece) => { found.body += piece.toString('latin1'); });
  request.on('end', () => {
    found.trailers = request.rawTrailers;
    found.complete = request.complete;
    if (response) response.end();
  });
  request.on('error', () => {});
}
server.on('request', take);
server.on('checkContinue', take);
server.on('checkExpectation', take);
server.on('clientError', (error, socket) => { socket.refusal = String(error.code || error.message); socket.finish(); });
// Nobody listens for 'upgrade': a request that asks for one is a request like others then.
server.on('connect', (request, socket) => {
  take(request, null);
  socket.refusal = 'tunnel';
  socket.finish();
});

function readRequests(number, bytes) {
  const socket = new Replay(bytes);
  socket.replayed = [];
  socket.refusal = null;
  let isDone = false;
  socket.finish = () => {
    if (isDone) return;
    isDone = true;
    setImmediate(() => {
      answer({number, messages: socket.replayed, refusal: socket.refusal});
      socket.destroy();
    });
  };
  socket.on('end', () => after(2, socket.finish));
  socket.on('close', socket.finish);
  socket.on('error', () => {});
  server.emit('connection', socket);
}

function readResponse(number, method, bytes) {
  const socket = new Replay(bytes);
  const found = {number, interim: [], status: 0, fields: [], body: '', trailers: [], complete: false, refusal: null};
  let isDone = false;
  const finish = () => {
    if (isDone) return;
    isDone = true;
    setImmediate(() => { answer(found); socket.destroy(); });
  };
  const request = http.request({method, path: '/', host: 'x', insecureHTTPParser: false,
                                maxHeaderSize: 1 << 18, createConnection: () => socket});
  request.maxHeadersCount = 0;
  request.on('information', (info) => found.interim.push({status: info.statusCode, fields: info.rawHeaders}));
  request.on('response', (response) => {
    found.status = response.statusCode;
    found.reason = response.statusMessage;
    found.fields = response.rawHeaders;
    response.on('data', (piece) => { found.body += piece.toString('latin1'); });
    response.on('end', () => {
      found.complete = response.complete;
      found.trailers = response.rawTrailers;
      finish();
    });
    response.on('error', (error) => { found.refusal = String(error.code || error.message); finish(); });
    response.on('close', finish);
  });
  request.on('upgrade', () => { found.refusal = 'tunnel'; finish(); });
  request.on('error', (error) => { found.refusal = String(error.code || error.message); finish(); });
  request.on('close', finish);
  request.end();
}

function answer(what) { process.stdout.write(JSON.stringify(what) + '\n'); }

let pending = Buffer.alloc(0);
process.stdin.on('data', (piece) => {
  pending = pending.length > 0 ? Buffer.concat([pending, piece]) : piece;
  let at = 0;
  while (pending.length >= at + 2) {
    const name = at + 2;
    const numbers = name + pending[at + 1];
    const start = numbers + 8;
    if (pending.length < start || pending.length < start + pending.readUInt32BE(numbers + 4)) break;
    const end = start + pending.readUInt32BE(numbers + 4);
    const bytes = Buffer.from(pending.subarray(start, end));
    const number = pending.readUInt32BE(numbers);
    if (String.fromCharCode(pending[at]) === 'q') readRequests(number, bytes);
    else readResponse(number, pending.toString('latin1', name, numbers), bytes);
    at = end;
  }
  pending = pending.subarray(at);
});
process.stdin.on('end', () => setImmediate(() => process.exit(0)));
process.stdout.write(JSON.stringify({methods: http.METHODS, version: process.version}) + '\n');
