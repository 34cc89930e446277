import { describe, expect, it } from "vitest";
import { CurlError, looksLikeCurl, parseCurl } from "./curl";
import { requestOf } from "./draft";

/** What would be sent. */
const sent = (command: string) => requestOf(parseCurl(command).draft, null);
const notes = (command: string) => parseCurl(command).notes.join(" ");
const usual = [["User-Agent", "curl/8"], ["Accept", "*/*"]];

describe("a curl command", () => {
  it("is told from a URL", () => {
    for (const text of ["curl a.test", "  $ curl 'x'", "curl.exe \"x\"", "CURL x", "base64 --decode <<'BODY' | curl 'x'"]) expect(looksLikeCurl(text), text).toBe(true);
    for (const text of ["https://a.test/curl x", "curly x", "curl", ""]) expect(looksLikeCurl(text), text).toBe(false);
    expect(() => parseCurl("wget x")).toThrow(CurlError);
    expect(() => parseCurl("curl -H")).toThrow(/ends after -H/);
    expect(() => parseCurl("curl -X POST")).toThrow(/no URL/);
    expect(() => parseCurl("curl 'x")).toThrow(/not closed/);
  });

  it("is what curl would send", () => {
    expect(sent("curl a.test/x")).toEqual({ method: "GET", url: "http://a.test/x", headers: usual });
    expect(sent("curl -X PUT -d a=b -d 'c=d e' https://a.test")).toEqual({
      method: "PUT", url: "https://a.test", headers: [...usual, ["Content-Type", "application/x-www-form-urlencoded"]], body: { text: "a=b&c=d e" },
    });
    expect(sent(`curl --json '{"a":1}' x`)).toEqual({
      method: "POST", url: "http://x", headers: [["User-Agent", "curl/8"], ["Accept", "application/json"], ["Content-Type", "application/json"]], body: { text: '{"a":1}' },
    });
    expect(sent("curl -I x").method).toBe("HEAD");
    expect(sent("curl -G -d q=1 --data-urlencode 'r=ä b!' 'x?p#f'")).toEqual({ method: "GET", url: "http://x?p&q=1&r=%C3%A4%20b%21#f", headers: usual });
    expect(sent("curl -HA:1 -H 'b;' -H 'User-Agent:' -H Accept: -H ':path: /' x").headers).toEqual([["A", "1"], ["b", ""]]);
    expect(sent("curl -u me:pä -A agent -e from -b 'a=b; c=d' x").headers).toEqual([
      ["User-Agent", "agent"], ["Referer", "from"], ["Cookie", "a=b; c=d"], ["Authorization", "Basic bWU6cMOk"], ["Accept", "*/*"],
    ]);
    expect(sent("curl http://u:p%40@a.test/").url).toBe("http://a.test/");
    expect(sent("curl http://u:p%40@a.test/").headers[0]).toEqual(["Authorization", "Basic dTpwQA=="]);
    expect(sent("curl --compressed --http1.1 x")).toEqual({ method: "GET", url: "http://x", headers: [...usual, ["Accept-Encoding", "deflate, gzip, br, zstd"]], version: "HTTP/1.1" });
    expect(sent("curl --http2 x").version).toBe("HTTP/2");
    expect(parseCurl("curl -L x").follow).toBe(true);
    expect(parseCurl("curl x").follow).toBe(false);
    expect(sent("curl -sSLXPATCH -- x").method).toBe("PATCH");
    expect(sent("curl --request=DELETE --url x").method).toBe("DELETE");
    expect(sent("curl --data-raw '@x' x").body).toEqual({ text: "@x" });
  });

  it("makes a form of several parts", () => {
    const { headers, body } = sent(`curl -F a=1 -F 'b="x;y";type=text/plain' -F 'c=@dir/p.png' x`);
    const type = headers.find(([name]) => name === "Content-Type")?.[1] ?? "";
    const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(type)?.[1];
    expect(body).toEqual({
      text: [
        `--${boundary}`, 'Content-Disposition: form-data; name="a"', "", "1",
        `--${boundary}`, 'Content-Disposition: form-data; name="b"', "Content-Type: text/plain", "", "x;y",
        `--${boundary}`, 'Content-Disposition: form-data; name="c"; filename="p.png"', "Content-Type: application/octet-stream", "", "",
        `--${boundary}--`, "",
      ].join("\r\n"),
    });
    expect(notes("curl -F c=@p x")).toContain("cannot be read");
  });

  it("says what it does not take over", () => {
    expect(notes("curl --frob --max-time 3 -x p:1 -Ψ x")).toBe("Not taken over: --frob, --max-time 3, -x p:1, -Ψ.");
    expect(notes("curl -s -o out --write-out '%{http_code}' x")).toBe("Left out, because it concerns only what curl prints: -s, -o, --write-out.");
    expect(notes("curl -k x")).toContain("certificates");
    expect(notes("curl -d @file x")).toContain("-d @file");
    expect(notes("curl -b jar x")).toContain("-b jar");
    expect(notes("curl x y")).toContain("second URL, y");
    expect(notes("curl x | jq .")).toContain("“|”");
    expect(notes('curl "$URL" -d "$(id)"')).toContain("as they are written");
    expect(notes("curl --http3 x")).toContain("HTTP/3");
    expect(notes("curl -H nonsense x")).toContain("no field");
    expect(notes("curl --path-as-is -g x")).toBe("");
  });

  it("has the quotes of bash", () => {
    const body = (words: string) => sent(`curl x --data-raw ${words}`).body;
    expect(body(`'it'\\''s'`)).toEqual({ text: "it's" });
    expect(body(`"a \\"b\\" \\\\ \\n c"`)).toEqual({ text: 'a "b" \\ \\n c' });
    expect(body(`$'a\\n\\'b\\' \\u00fc \\xc3\\xbc \\303\\274 \\U0001f600 \\ud83d\\ude00 \\u0021'`)).toEqual({ text: "a\n'b' ü ü ü 😀 😀 !" });
    expect(body(`$'\\xff\\x00a'`)).toEqual({ base64: "/wBh" });
    expect(body(`$'a\\r\\nb'`)).toEqual({ text: "a\r\nb" });
    expect(body(`$'a\\rb'`)).toEqual({ base64: "YQ1i" });
    expect(body("a\\ b\\'c\\\n")).toEqual({ text: "a b'c" });
    expect(sent("curl 'x' \\\n  -H 'A: 1' \\\r\n  -H 'B: 2' # note\n").headers.slice(0, 2)).toEqual([["A", "1"], ["B", "2"]]);
  });

  it("has the quotes of the command prompt, as browsers write them", () => {
    const command = `curl ^"https://a.test/x?a=1^&b=^%^20^" ^\r\n  -X ^"POST^" ^\r\n  -H ^"content-type: application/json^" ^\r\n  --data-raw ^"^{^\\^"a^\\^":^\\^"b^ c^\\^"^}^"`;
    const { method, url, headers, body } = sent(command);
    expect([method, url]).toEqual(["POST", "https://a.test/x?a=1&b=%20"]);
    expect(headers[0]).toEqual(["content-type", "application/json"]);
    expect(body).toEqual({ text: '{"a":"b c"}' });
  });

  it("takes back what this page copies", () => {
    const piped = "base64 --decode <<'BODY' | curl 'http://a.test/x' \\\n  --header 'User-Agent:' \\\n  --header 'Accept:' \\\n  --header 'Content-Type:' \\\n  --header 'Expect:' \\\n  --data-binary @-\n/wBh\nBODY\n";
    expect(sent(piped)).toEqual({ method: "POST", url: "http://a.test/x", headers: [], body: { base64: "/wBh" } });
    expect(notes(piped)).toBe("");
  });
});
