import { describe, expect, it } from "vitest";
import type { Certificate, Connection, Field, FlowDetail } from "../lib/types";
import { caching } from "./caching";
import { cookies, setCookie } from "./cookies";
import { cors } from "./cors";
import { basic, findJwts, jwt } from "./credentials";
import { directives, members, query } from "./fields";
import { httpDate, relative, span, utc } from "./moments";
import { parts } from "./parts";
import { common, picture } from "./picture";
import { security } from "./security";
import { explain } from "./terms/explain";
import { headerEntry, headerNames } from "./terms/headers";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const base64url = (value: unknown) => btoa(typeof value === "string" ? value : JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const token = (claims: unknown, header: unknown = { alg: "HS256", typ: "JWT" }) => `${base64url(header)}.${base64url(claims)}.${base64url("signature")}`;
/** Text that no parser should stumble over. */
const HOSTILE = ["", ";", "=", ",", '"', '"\\', "a=b;;c", "\u0000\uffff", "a".repeat(100_000), "%", "%zz", "=;=;=", "💣=\ud800", "…".repeat(5_000), "eyJ.eyJ.", "Basic", "Basic !", "Basic w"];

describe("terms", () => {
  it("has more than a hundred headers, each with a sentence and a document", () => {
    const names = headerNames();
    expect(names.length).toBeGreaterThanOrEqual(120);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
    for (const name of names) {
      const [title, spec, text] = headerEntry(name.toUpperCase()) ?? ["", "", ""];
      expect([title, spec.length > 2, text.length > 10], name).toEqual([name, true, true]);
    }
  });

  it("explains headers, status codes and methods", () => {
    expect(explain("header:ETAG")).toMatchObject({ title: "ETag", spec: "RFC 9110 § 8.8.3", link: "https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3" });
    expect(explain("header::path")?.title).toBe(":path");
    expect(explain("header:x-request-id")).toMatchObject({ spec: "", link: null });
    expect(explain("status:418")?.title).toBe("418 I'm a teapot");
    expect(explain("status:299")?.text).toContain("no standard meaning");
    expect(explain("method:PATCH")?.spec).toBe("RFC 5789 § 2");
    for (const odd of ["header:x-nobody", "status:999", "status:toString", "method:get", "method:constructor", "header:__proto__", "x", ""]) expect(explain(odd), odd).toBeNull();
  });
});

describe("times in words", () => {
  it("goes by the largest unit", () => {
    expect([0, 999, 1_000, 90_000, 3_600_000, 172_800_000, 40 * 86_400_000, 800 * 86_400_000].map(span)).toEqual(["0 seconds", "1 second", "1 second", "2 minutes", "1 hour", "2 days", "1 month", "2 years"]);
    expect(relative(NOW + 60_000, NOW)).toBe("in 1 minute");
    expect(relative(NOW - 7_200_000, NOW)).toBe("2 hours ago");
    expect(utc(NOW)).toBe("2026-11-21 12:00:00 UTC");
    expect(utc(1e300)).toBe("");
    expect(httpDate("Sun, 06 Nov 1994 08:49:37 GMT")).toBe(784_111_777_000);
    expect([httpDate("0"), httpDate("-1"), httpDate("soon")]).toEqual([null, null, null]);
  });
});

describe("cookies", () => {
  it("takes Cookie apart", () => {
    expect(cookies("a=1; b=x=y;c; ;d=")).toEqual([{ name: "a", value: "1" }, { name: "b", value: "x=y" }, { name: "", value: "c" }, { name: "d", value: "" }]);
  });

  it("says how long a cookie is kept", () => {
    const keeps = (header: string) => setCookie(header, NOW, true).keeps;
    expect(keeps("a=1")).toContain("until the browser is closed");
    expect(keeps("a=1; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT")).toBe("kept until 2026-11-21 13:00:00 UTC, in 1 hour");
    expect(keeps("a=1; Max-Age=0")).toBe("deleted at once");
    expect(keeps("a=1; expires=Thu, 01 Jan 1970 00:00:00 GMT")).toContain("deleted at once");
    expect(keeps("a=1; expires=tomorrow")).toContain("cannot be read");
    expect(keeps("a=1; Max-Age=99999999999999999999")).toContain("the end of time");
  });

  it("warns of what browsers refuse", () => {
    const warns = (header: string, secure = true) => setCookie(header, NOW, secure).warnings.join(" ");
    expect(warns("a=1; SameSite=None")).toContain("SameSite=None without Secure");
    expect(warns("a=1; SameSite=None; Secure")).toBe("");
    expect(warns("a=1; Secure; SameSite=Lax", false)).toContain("plain http");
    expect(warns("__Host-a=1; Secure; Path=/; Domain=x.test; SameSite=Lax")).toContain("__Host-");
    expect(warns("__Host-a=1; Secure; Path=/; SameSite=Lax")).toBe("");
    expect(warns("a=1; Secure; SameSite=sometimes")).toContain("not a value");
    expect(warns("sid=1; Secure; SameSite=Lax")).toContain("HttpOnly");
    expect(warns("a=1; Secure; SameSite=Lax; Max-Age=99999999")).toContain("400 days");
  });
});

describe("credentials", () => {
  it("reads Basic", () => {
    expect(basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")).toEqual({ user: "Aladdin", password: "open sesame" });
    expect(basic(`basic ${btoa("a:b:c")}`)).toEqual({ user: "a", password: "b:c" });
    expect([basic("Bearer x"), basic("Basic ???"), basic("Basic")]).toEqual([null, null, null]);
  });

  it("finds and reads tokens, and does not say that they are genuine", () => {
    const one = token({ iss: "https://issuer.test", exp: NOW / 1000 - 60, iat: NOW / 1000 - 3600, aud: ["a", "b"] });
    expect(findJwts(`Bearer ${one}`)).toEqual([one]);
    expect(findJwts(`a=${one}; b=${one}; c=eyJx`)).toEqual([one]);
    const read = jwt(one, NOW);
    expect(read?.words).toContainEqual(["exp", "expires 2026-11-21 11:59:00 UTC, 1 minute ago"]);
    expect(read?.words).toContainEqual(["aud", 'audience ["a","b"]']);
    expect(read?.warnings).toContain("It had expired when it was sent.");
    expect(jwt(token({}, { alg: "none" }), NOW)?.warnings.join(" ")).toContain("not signed");
    expect(jwt("a.b", NOW)).toBeNull();
    expect(jwt("eyJhbGciOiJub25lIn0.!!.", NOW)?.claims).toBe("!!");
    expect(jwt(token({ exp: 1e300 }), NOW)?.words).toEqual([]);
  });
});

describe("fields", () => {
  it("separates lists outside of quotes", () => {
    expect(members('a, "b, c", d="e,\\"f",, g')).toEqual(["a", '"b, c"', 'd="e,\\"f"', "g"]);
    expect([...directives('No-Cache="x, y", MAX-AGE=5, public')]).toEqual([["no-cache", "x, y"], ["max-age", "5"], ["public", ""]]);
    expect(query("/a?x=1+2&y=%C3%BC&z&x=%zz#f")).toEqual([["x", "1 2"], ["y", "ü"], ["z", ""], ["x", "%zz"]]);
  });
});

describe("caching", () => {
  const of = (response: Field[], more: object = {}) => caching({ method: "GET", status: 200, request: [], response, at: NOW, ...more });
  const spec = (result: ReturnType<typeof of>, text: string) => result.points.find((point) => point.text.includes(text))?.spec;

  it("says for how long", () => {
    expect(of([["Cache-Control", "max-age=3600"], ["ETag", '"x"']]).verdict).toBe("Any cache may use it without asking for 1 hour.");
    expect(of([["cache-control", "private, max-age=60"]]).verdict).toBe("Only the browser may use it without asking for 1 minute.");
    expect(of([["Cache-Control", "max-age=3600"], ["Age", "1800"]]).verdict).toBe("Any cache may use it without asking for 30 minutes.");
    expect(of([["Expires", "Sat, 21 Nov 2026 13:00:00 GMT"], ["Date", "Sat, 21 Nov 2026 12:00:00 GMT"]]).verdict).toContain("1 hour");
    expect(of([["Last-Modified", "Wed, 11 Nov 2026 12:00:00 GMT"]]).verdict).toContain("1 day");
  });

  it("says why not", () => {
    const never = "Not cached: no cache may keep it.";
    const stored = of([["Cache-Control", "no-store, max-age=60"]]);
    expect(stored.verdict).toBe(never);
    expect(spec(stored, "no-store")).toBe("RFC 9111 § 5.2.2.5");
    expect(of([["Vary", "*"], ["Cache-Control", "max-age=60"]]).verdict).toBe(never);
    expect(of([["Cache-Control", "max-age=60"]], { method: "POST" }).verdict).toBe(never);
    expect(of([], { status: 500 }).verdict).toBe(never);
    expect(of([["Cache-Control", "max-age=60"]], { request: [["Cache-Control", "no-store"]] }).verdict).toBe(never);
    expect(of([["Cache-Control", "no-cache"], ["ETag", "x"]]).verdict).toContain("ask the server before every use");
    expect(of([["Expires", "0"]]).verdict).toContain("stale from the start");
    expect(of([]).verdict).toContain("Practically not cached");
    const authorized = of([["Cache-Control", "max-age=60"]], { request: [["Authorization", "Bearer x"]] });
    expect(authorized.verdict).toContain("Only the browser");
    expect(spec(authorized, "Authorization")).toBe("RFC 9111 § 3.5");
    expect(of([["Cache-Control", "max-age=60, public"]], { request: [["Authorization", "Bearer x"]] }).verdict).toContain("Any cache");
    expect(of([], { status: 304, request: [["If-None-Match", "x"]] }).verdict).toContain("own copy");
  });
});

describe("CORS", () => {
  const of = (request: Field[], response: Field[], more: object = {}) => cors({ method: "GET", url: "https://api.test/x", status: 200, request, response, ...more });
  const origin: Field = ["Origin", "https://page.test"];

  it("does not apply without an origin, or with the same one", () => {
    expect(of([], [])).toBeNull();
    expect(of([["Origin", "https://api.test"]], [])?.refused).toBe(false);
    expect(of([], [["Access-Control-Allow-Origin", "*"]])?.refused).toBe(false);
  });

  it("tells who may read the answer", () => {
    expect(of([origin], [])?.refused).toBe(true);
    expect(of([origin], [["Access-Control-Allow-Origin", "*"]])?.refused).toBe(false);
    expect(of([origin, ["Cookie", "a=1"]], [["Access-Control-Allow-Origin", "*"]])?.refused).toBe(true);
    const named: Field[] = [["Access-Control-Allow-Origin", "https://page.test"], ["Access-Control-Allow-Credentials", "true"]];
    expect(of([origin, ["Cookie", "a=1"]], named)?.refused).toBe(false);
    expect(of([origin, ["Cookie", "a=1"]], named.slice(0, 1))?.refused).toBe(true);
    expect(of([origin], [named[0] as Field, named[0] as Field])?.refused).toBe(true);
    expect(of([origin], [["Access-Control-Allow-Origin", "https://page.test/"]])?.points.some((p) => p.text.includes("slash"))).toBe(true);
  });

  it("tells why the browser asked ahead", () => {
    const json = of([origin, ["Content-Type", "application/json"]], [["Access-Control-Allow-Origin", "*"]], { method: "POST" });
    expect(json?.points[0]?.text).toContain("content-type (application/json)");
    const form = of([origin, ["Content-Type", "text/plain;charset=utf-8"]], [["Access-Control-Allow-Origin", "*"]], { method: "POST" });
    expect(form?.points[0]?.text).toContain("simple request");
  });

  it("judges preflights", () => {
    const asked: Field[] = [origin, ["Access-Control-Request-Method", "PUT"], ["Access-Control-Request-Headers", "authorization,x-a"]];
    const judge = (response: Field[], status = 204) => of(asked, [["Access-Control-Allow-Origin", "*"], ...response], { method: "OPTIONS", status });
    expect(judge([["Access-Control-Allow-Methods", "PUT"], ["Access-Control-Allow-Headers", "Authorization, X-A"]])?.refused).toBe(false);
    expect(judge([["Access-Control-Allow-Methods", "PUT"], ["Access-Control-Allow-Headers", "Authorization, X-A"]], 404)?.refused).toBe(true);
    const wild = judge([["Access-Control-Allow-Methods", "*"], ["Access-Control-Allow-Headers", "*"]]);
    expect(wild?.refused).toBe(true);
    expect(wild?.points.filter((point) => point.tone === "against").map((point) => point.text)).toEqual(["The header authorization is not in Access-Control-Allow-Headers (* does not count for it)."]);
  });
});

describe("security headers", () => {
  it("looks at pages only", () => {
    expect(security("https://a.test/", [["Content-Type", "application/json"]])).toBeNull();
    const bare = security("https://a.test/", [["Content-Type", "text/html"]]);
    expect(bare?.every((point) => point.tone === "against")).toBe(true);
    const good: Field[] = [["Content-Type", "text/html"], ["Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"], ["Strict-Transport-Security", "max-age=63072000; includeSubDomains"], ["X-Content-Type-Options", "nosniff"], ["Referrer-Policy", "no-referrer"]];
    expect(security("https://a.test/", good)?.filter((point) => point.tone !== "for")).toEqual([]);
  });
});

describe("whatever comes", () => {
  it("is taken apart without an error", () => {
    for (const text of HOSTILE) {
      setCookie(text, NOW, true);
      cookies(text);
      basic(text);
      for (const found of findJwts(text)) jwt(found, NOW);
      jwt(text, NOW);
      const fields: Field[] = ["cookie", "set-cookie", "authorization", "cache-control", "vary", "expires", "date", "age", "origin", "access-control-allow-origin", "access-control-request-method", "access-control-allow-headers", "content-type", "content-security-policy", text].map((name) => [name, text]);
      caching({ method: text, status: 200, request: fields, response: fields, at: Number.NaN });
      cors({ method: "OPTIONS", url: text, status: 200, request: fields, response: fields });
      security("https:", [...fields, ["content-type", "text/html"]]);
      const flow = { path: `/?${text}`, scheme: "http", times: { response_first: null }, started_at: text } as unknown as FlowDetail;
      expect(parts(flow, "request", fields)).toBeInstanceOf(Array);
      expect(parts(flow, "response", fields)).toBeInstanceOf(Array);
    }
  });
});

describe("the picture of TLS", () => {
  const certificate = (subject: string, issuer: string, names: string[] = []): Certificate => ({ subject, issuer, names, serial: "", not_before: "2020-01-01T00:00:00Z", not_after: "2021-01-01T00:00:00Z", key: "", signature: "", sha256: "", pem: "" });
  const tls = (...certificates: Certificate[]) => ({ version: "TLSv1.3", cipher: "x", sni: "a.test", alpn_offered: [], alpn: "h2", certificates });
  const draw = (kind: string, ours: object | null, theirs: object | null) =>
    picture({ kind, host: "a.test" } as FlowDetail, { host: "a.test", port: 443, client: "c", server: "s", client_tls: ours, server_tls: theirs } as Connection);

  it("says whom the client believes", () => {
    const leaf = certificate("CN=a.test", "CN=overhear root, O=x", ["a.test", "b.test"]);
    const drawn = draw("http", tls(leaf), tls(certificate("CN=a.test", "C=US, O=Real CA")));
    expect(drawn.sentence).toBe("The client believes to talk to a.test and 1 more, because a certificate for that name is signed by overhear root, which it trusts. It talks to overhear. The server proved itself to overhear with a certificate from Real CA.");
    expect(drawn.left?.shows).toMatchObject({ issuer: "overhear root", expired: true });
    expect(drawn.right.how).toBe("TLSv1.3 · h2");
  });

  it("names a certificate by its common name, commas and all", () => {
    expect(["C=US, O=Example, Inc., CN=Example, Inc. Root", "CN=a+O=b", "O=Example, Inc.", "CN=one\\, two, 2.5.4.5=3", "2.5.4.3=x", ""].map(common)).toEqual(["Example, Inc. Root", "a", "Example, Inc.", "one, two", "2.5.4.3=x", ""]);
    for (const long of ["a,", ", ", " ", "a"]) expect(common(`O=${long.repeat(50_000)}`)).toBe(long.repeat(50_000).trim());
  });

  it("holds where a side is missing", () => {
    expect(draw("tls", null, null).left).toBeNull();
    expect(draw("tls", null, null).sentence).toContain("without opening");
    expect(draw("http", null, null).sentence).toContain("Nothing is encrypted");
    expect(draw("http", tls(), null).sentence).toContain("did not get as far");
    expect(draw("http", null, tls(certificate("", ""))).sentence).toContain("does not encrypt");
    expect(draw("http", tls(certificate("CN=x", "CN=x")), tls()).sentence).toContain("itself (x)");
  });
});
