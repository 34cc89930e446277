// The objects that scripts are given. Evaluated once in each runtime, before the script, with what the host lends;
// its value is what the host calls. What is public here is described in describe.rs, and a test compares the two.
(function (native) {
  "use strict";

  const text = (value) => String(value).toWellFormed();

  class Headers {
    #fields = [];
    #changed = false;

    constructor(init = []) {
      const pairs = init instanceof Headers || Array.isArray(init) ? [...init] : Object.entries(init);
      for (const [name, value] of pairs) this.#fields.push([text(name), text(value)]);
    }

    #at(name) {
      const lower = String(name).toLowerCase();
      return this.#fields.findIndex(([known]) => known.toLowerCase() === lower);
    }

    get(name) {
      return this.#fields[this.#at(name)]?.[1] ?? null;
    }

    getAll(name) {
      const lower = String(name).toLowerCase();
      return this.#fields.filter(([known]) => known.toLowerCase() === lower).map(([, value]) => value);
    }

    has(name) {
      return this.#at(name) >= 0;
    }

    set(name, value) {
      const at = this.#at(name);
      if (at < 0) return this.add(name, value);
      const lower = String(name).toLowerCase();
      this.#fields[at] = [text(name), text(value)];
      this.#fields = this.#fields.filter(([known], index) => index <= at || known.toLowerCase() !== lower);
      this.#changed = true;
    }

    add(name, value) {
      this.#fields.push([text(name), text(value)]);
      this.#changed = true;
    }

    remove(name) {
      const lower = String(name).toLowerCase();
      const kept = this.#fields.filter(([known]) => known.toLowerCase() !== lower);
      const removed = kept.length < this.#fields.length;
      this.#fields = kept;
      this.#changed ||= removed;
      return removed;
    }

    entries() {
      return this.#fields.map(([name, value]) => [name, value]);
    }

    [Symbol.iterator]() {
      return this.entries()[Symbol.iterator]();
    }

    static changed(headers) {
      return headers.#changed ? headers.#fields : undefined;
    }
  }
  const changed = Headers.changed;
  delete Headers.changed;

  class Body {
    // what holds now: bytes or a text; JSON that was handed out may be changed by whoever has it
    #bytes;
    #text;
    #json;
    #written;
    #why;
    #touched = false;

    constructor(bytes, why) {
      this.#bytes = bytes;
      this.#why = why;
    }

    #held() {
      if (this.#bytes === null) throw new Error(`the body is not held: ${this.#why}`);
    }

    #settle() {
      this.#held();
      if (this.#json === undefined) return;
      const written = JSON.stringify(this.#json);
      if (written === this.#written) return;
      if (written === undefined) throw new TypeError("the body cannot be written as JSON");
      this.#written = written;
      this.#text = written;
      this.#bytes = undefined;
      this.#touched = true;
    }

    get held() {
      return this.#bytes !== null;
    }

    get bytes() {
      this.#settle();
      this.#bytes ??= native.encode(this.#text);
      // whoever has the bytes may change them
      this.#text = undefined;
      this.#json = undefined;
      this.#touched = true;
      return this.#bytes;
    }

    set bytes(value) {
      this.#held();
      this.#bytes = asBytes(value);
      this.#text = undefined;
      this.#json = undefined;
      this.#touched = true;
    }

    get text() {
      this.#settle();
      return (this.#text ??= native.decode(this.#bytes));
    }

    set text(value) {
      this.#held();
      this.#text = text(value);
      this.#bytes = undefined;
      this.#json = undefined;
      this.#touched = true;
    }

    get json() {
      this.#settle();
      if (this.#json === undefined) {
        const value = JSON.parse(this.text);
        this.#written = JSON.stringify(value);
        this.#json = value;
      }
      return this.#json;
    }

    set json(value) {
      this.#held();
      const written = JSON.stringify(value);
      if (written === undefined) throw new TypeError("the body cannot be written as JSON");
      this.#json = value;
      this.#text = this.#written = written;
      this.#bytes = undefined;
      this.#touched = true;
    }

    static sent(body) {
      if (body.#bytes === null) return undefined;
      body.#settle();
      if (!body.#touched) return undefined;
      return body.#text ?? body.#bytes;
    }
  }
  const sent = Body.sent;
  delete Body.sent;

  function asBytes(value) {
    if (value instanceof Uint8Array) return value;
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    throw new TypeError("bytes are a Uint8Array");
  }

  const PORTS = { http: 80, https: 443 };

  function authority({ scheme, host, port }) {
    const name = host.includes(":") ? `[${host}]` : host;
    return port === PORTS[scheme] ? name : `${name}:${port}`;
  }

  class Request {
    #now;
    #came;
    #headers;
    #body;

    constructor(data) {
      this.#now = { ...data.start };
      this.#came = data.start;
      this.#headers = new Headers(data.headers);
      this.#body = new Body(data.body, data.why);
      const host = this.#headers.get("Host");
      unchanged.set(this, host);
    }

    get method() { return this.#now.method; }
    set method(value) { this.#now.method = text(value); }
    get url() { return `${this.#now.scheme}://${authority(this.#now)}${this.#now.path}`; }
    set url(value) { Object.assign(this.#now, native.url(text(value))); }
    get scheme() { return this.#now.scheme; }
    set scheme(value) {
      const own = this.#now.port === PORTS[this.#now.scheme];
      this.#now.scheme = text(value);
      if (own) this.#now.port = PORTS[this.#now.scheme] ?? this.#now.port;
    }
    get host() { return this.#now.host; }
    set host(value) { this.#now.host = text(value).replace(/^\[|\]$/g, ""); }
    get port() { return this.#now.port; }
    set port(value) { this.#now.port = Number(value); }
    get path() { return this.#now.path.split("?", 1)[0]; }
    set path(value) {
      const query = this.query;
      this.#now.path = text(value) + (query && `?${query}`);
    }
    get query() { return this.#now.path.split("?").slice(1).join("?"); }
    set query(value) {
      const query = text(value).replace(/^\?/, "");
      this.#now.path = this.path + (query && `?${query}`);
    }
    get httpVersion() { return this.#now.version; }
    get headers() { return this.#headers; }
    get body() { return this.#body; }

    static edits(request) {
      const [now, came] = [request.#now, request.#came];
      const same = (...parts) => parts.every((part) => now[part] === came[part]);
      const moved = !same("scheme", "host", "port");
      if (moved && changed(request.#headers) && request.#headers.get("Host") === unchanged.get(request)) {
        request.#headers.set("Host", authority(now));
      }
      return {
        method: same("method") ? undefined : now.method,
        url: moved || !same("path") ? request.url : undefined,
        headers: changed(request.#headers),
        body: sent(request.#body),
      };
    }
  }
  const unchanged = new WeakMap();
  const requestEdits = Request.edits;
  delete Request.edits;

  class Response {
    #status;
    #reason;
    #came;
    #headers;
    #body;

    constructor(body = "", init = {}) {
      this.#status = init.status ?? 200;
      this.#reason = init.reason ?? "";
      this.#headers = new Headers(init.headers);
      if (body === null || typeof body === "string") {
        this.#body = new Body(undefined, "");
        this.#body.text = body ?? "";
        if (body && !this.#headers.has("Content-Type")) this.#headers.add("Content-Type", "text/plain; charset=utf-8");
      } else if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
        this.#body = new Body(asBytes(body), "");
        void this.#body.bytes;
      } else {
        this.#body = new Body(undefined, "");
        this.#body.json = body;
        if (!this.#headers.has("Content-Type")) this.#headers.add("Content-Type", "application/json");
      }
      this.#came = undefined;
    }

    get status() { return this.#status; }
    set status(value) { this.#status = value; }
    get reason() { return this.#reason; }
    set reason(value) { this.#reason = text(value); }
    get headers() { return this.#headers; }
    get body() { return this.#body; }

    static came(data) {
      const response = new Response();
      response.#status = data.start.status;
      response.#reason = data.start.reason;
      response.#came = data.start;
      response.#headers = new Headers(data.headers);
      response.#body = new Body(data.body, data.why);
      return response;
    }

    static edits(response) {
      const status = Number(response.#status);
      if (!Number.isInteger(status) || status < 200 || status > 599) {
        throw new RangeError(`${text(response.#status)} is no status of a final response: those are 200 to 599`);
      }
      const came = response.#came;
      return {
        status: came?.status === status ? undefined : status,
        reason: (came ? came.reason === response.#reason : !response.#reason) ? undefined : response.#reason,
        headers: came ? changed(response.#headers) : response.#headers.entries(),
        body: sent(response.#body),
      };
    }
  }
  const { came: responseCame, edits: responseEdits } = Response;
  delete Response.came;
  delete Response.edits;

  class Message {
    #data;
    #body;

    constructor(data) {
      this.#data = data.start;
      this.#body = new Body(data.body, data.why);
    }

    get sender() { return this.#data.sender; }
    get kind() { return this.#data.kind; }
    get body() { return this.#body; }

    static edits(message) {
      return { body: sent(message.#body) };
    }
  }
  const messageEdits = Message.edits;
  delete Message.edits;

  class Tags {
    #known;
    #added = [];

    constructor(known) {
      this.#known = known;
    }

    add(tag) {
      const word = text(tag).trim();
      if (!word || /[,\p{Cc}]/u.test(word)) throw new TypeError(`${JSON.stringify(word)} is no tag: it is a word without commas`);
      if (!this.has(word)) this.#added.push(word);
    }

    has(tag) {
      return this.entries().includes(text(tag));
    }

    entries() {
      return [...this.#known, ...this.#added];
    }

    static added(tags) {
      return tags.#added;
    }
  }
  const added = Tags.added;
  delete Tags.added;

  const COLORS = ["red", "orange", "yellow", "green", "blue", "purple", "grey"];

  class Asked {
    #start;
    #headers;

    constructor(data) {
      this.#start = data;
      this.#headers = new Headers(data.headers);
    }

    get method() { return this.#start.method; }
    get url() { return this.#start.url; }
    get headers() { return this.#headers; }
  }

  class Flow {
    #data;
    #request;
    #tags;
    #comment;
    #highlight;

    constructor(data) {
      this.#data = data;
      this.#request = new Asked(data.request);
      this.#tags = new Tags(data.tags);
    }

    get id() { return this.#data.id; }
    get client() { return this.#data.client; }
    get app() { return this.#data.app; }
    get request() { return this.#request; }
    get tags() { return this.#tags; }
    get comment() { return this.#comment ?? this.#data.comment; }
    set comment(value) { this.#comment = text(value); }
    get highlight() { return this.#highlight ?? this.#data.highlight; }
    set highlight(value) {
      if (!COLORS.includes(value)) throw new TypeError(`${text(value)} is no color: there are ${COLORS.join(", ")}`);
      this.#highlight = value;
    }

    static marks(flow) {
      return { tags: added(flow.#tags), comment: flow.#comment, highlight: flow.#highlight };
    }
  }
  const marks = Flow.marks;
  delete Flow.marks;

  class Verdict {
    #what;

    constructor(what) {
      this.#what = what;
    }

    static what(verdict) {
      return verdict.#what;
    }
  }
  const what = Verdict.what;
  delete Verdict.what;

  const overhear = {
    version: native.version,
    drop: () => new Verdict("drop"),
    block: () => new Verdict("block"),
    encode: (value) => native.encode(text(value)),
    decode: (value) => native.decode(asBytes(value)),
    Headers,
    Response,
  };

  function shown(value, depth, seen) {
    switch (typeof value) {
      case "string": return depth === 0 ? value : JSON.stringify(value);
      case "function": return `[function ${value.name || "without a name"}]`;
      case "symbol": return value.toString();
      case "bigint": return `${value}n`;
      case "object": break;
      default: return String(value);
    }
    if (value === null) return "null";
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack}`.trimEnd() : String(value);
    if (seen.includes(value)) return "[circular]";
    if (depth > 4) return Array.isArray(value) ? "[…]" : "{…}";
    const inside = [...seen, value];
    const list = (items, from) => {
      const few = items.slice(0, 100).map(from);
      if (items.length > 100) few.push(`… ${items.length - 100} more`);
      return few.join(", ");
    };
    const one = (item) => shown(item, depth + 1, inside);
    const pair = ([name, item]) => `${typeof name === "string" ? name : one(name)}: ${one(item)}`;
    if (value instanceof Headers) return `{ ${list(value.entries(), pair)} }`;
    if (value instanceof Tags) return `[${list(value.entries(), one)}]`;
    if (value instanceof Request) return `${value.method} ${value.url}`;
    if (value instanceof Asked) return `${value.method} ${value.url}`;
    if (value instanceof Response) return `Response ${value.status}`;
    if (value instanceof Flow) return `Flow ${value.id}`;
    if (value instanceof Body) return value.held ? one(value.text) : "[a body that is not held]";
    if (value instanceof Message) return `${value.kind} of the ${value.sender}`;
    if (value instanceof Promise) return "[promise]";
    if (value instanceof Date || value instanceof RegExp) return String(value);
    if (Array.isArray(value) || ArrayBuffer.isView(value)) return `[${list([...value], one)}]`;
    if (value instanceof Set) return `Set {${list([...value], one)}}`;
    if (value instanceof Map) return `Map {${list([...value], pair)}}`;
    const pairs = Object.entries(value);
    return pairs.length ? `{ ${list(pairs, pair)} }` : "{}";
  }

  const console = {};
  for (const level of ["log", "info", "warn", "error", "debug"]) {
    console[level] = (...values) => native.log(level, text(values.map((value) => shown(value, 0, [])).join(" ")));
  }

  function verdict(hook, value, subject) {
    if (value === undefined || value === subject) return undefined;
    if (value instanceof Verdict) return { what: what(value) };
    if (value instanceof Response && hook !== "onMessage") return { what: "answer", ...responseEdits(value) };
    throw new TypeError(`${hook} returned ${shown(value, 1, [])}: return nothing, ${hook === "onMessage" ? "" : "an overhear.Response, "}overhear.drop() or overhear.block()`);
  }

  const HOOKS = {
    onRequest: [(data) => new Request(data), requestEdits],
    onResponse: [responseCame, responseEdits],
    onMessage: [(data) => new Message(data), messageEdits],
  };

  function call(hook, script, data) {
    const [make, edits] = HOOKS[hook];
    const subject = make(data);
    const flow = new Flow(data.flow);
    const done = (value) => ({ verdict: verdict(hook, value, subject), marks: marks(flow), ...edits(subject) });
    const value = script(subject, flow);
    return typeof value?.then === "function" ? Promise.resolve(value).then(done) : done(value);
  }

  Object.freeze(overhear);
  for (const [name, value] of Object.entries({ overhear, console })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
  const classes = { Headers, Body, Request, Response, Message, Tags, Asked, Flow };
  return { call, classes };
})
