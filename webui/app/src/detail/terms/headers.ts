//! What header fields are for, one sentence each, with the document that says so.

/** One line a field: name | document | sentence. RFC 9110 § x is the section. */
const TABLE = `
A-IM|RFC 3229 § 10.5.3|Which instance manipulations, such as deltas, the client accepts.
Accept|RFC 9110 § 12.5.1|Media types the client can use, with weights: the server picks among them.
Accept-CH|RFC 8942 § 3.1|Client hints that the server would like with later requests.
Accept-Charset|RFC 9110 § 12.5.2|Charsets the client can read; obsolete, everybody sends and reads UTF-8.
Accept-Encoding|RFC 9110 § 12.5.3|Content codings (gzip, br, zstd) that the client can remove.
Accept-Language|RFC 9110 § 12.5.4|Natural languages that the person prefers, with weights.
Accept-Patch|RFC 5789 § 3.1|Media types that this resource takes in a PATCH.
Accept-Post|W3C LDP § 7.1|Media types that this resource takes in a POST.
Accept-Ranges|RFC 9110 § 14.3|Whether parts of this resource can be asked for, usually in bytes.
Access-Control-Allow-Credentials|Fetch § 3.3.3|"true" lets the page read an answer that was asked for with cookies or HTTP authentication.
Access-Control-Allow-Headers|Fetch § 3.3.3|Answer to a preflight: request headers that a page of another origin may send.
Access-Control-Allow-Methods|Fetch § 3.3.3|Answer to a preflight: methods that a page of another origin may use.
Access-Control-Allow-Origin|Fetch § 3.3.3|The origin whose pages may read this answer; * means all, but never together with credentials.
Access-Control-Expose-Headers|Fetch § 3.3.3|Response headers that a script of another origin may read beside the few that are always readable.
Access-Control-Max-Age|Fetch § 3.3.3|For how many seconds the browser may remember the answer to a preflight.
Access-Control-Request-Headers|Fetch § 3.3.2|In a preflight: the headers that the real request will carry.
Access-Control-Request-Method|Fetch § 3.3.2|In a preflight: the method that the real request will have.
Age|RFC 9111 § 5.1|Seconds since the answer was made or last validated at the server: it came out of a cache on the way.
Allow|RFC 9110 § 10.2.1|Methods that this resource supports.
Alt-Svc|RFC 7838 § 3|Other protocols, hosts or ports, such as HTTP/3, where the same service can be had.
Alt-Used|RFC 7838 § 5|The alternative service that the client is using.
Authentication-Info|RFC 9110 § 11.6.3|What the server says back after authentication succeeded.
Authorization|RFC 9110 § 11.6.2|The client's credentials: a scheme such as Basic or Bearer, then the secret.
Cache-Control|RFC 9111 § 5.2|Directives that caches on the way, and the browser's own, must obey.
Cache-Status|RFC 9211 § 2|How each cache on the way handled the request: hit, miss, and why.
CDN-Cache-Control|RFC 9213 § 3.1|Cache-Control for content delivery networks only.
Clear-Site-Data|W3C Clear Site Data § 3.1|Tells the browser to throw away cookies, storage or caches of this origin.
Connection|RFC 9110 § 7.6.1|Options and header names that are for this connection only and are not passed on.
Content-Disposition|RFC 6266 § 4|Show the body in place or save it as a file, with a suggested name.
Content-Digest|RFC 9530 § 2|A digest of the body as it is in this message.
Content-Encoding|RFC 9110 § 8.4|Codings that were applied to the body, last one last; they are removed to get the media type.
Content-Language|RFC 9110 § 8.5|The natural language that the body is meant for.
Content-Length|RFC 9110 § 8.6|The size of the body in bytes.
Content-Location|RFC 9110 § 8.7|The address of exactly this representation.
Content-MD5|RFC 1864|A digest of the body; removed from HTTP since RFC 7231.
Content-Range|RFC 9110 § 14.4|Which part of the whole this body is.
Content-Security-Policy|W3C CSP 3 § 3.1|What the page may load and run, and who may frame it: the defence against injected scripts.
Content-Security-Policy-Report-Only|W3C CSP 3 § 3.2|A content security policy that is only reported on, not enforced.
Content-Type|RFC 9110 § 8.3|The media type of the body, with its charset or boundary.
Cookie|RFC 6265 § 5.4|Cookies that the client has for this address.
Critical-CH|Client Hints Reliability § 3|Client hints without which the answer is useless: the browser asks again with them.
Cross-Origin-Embedder-Policy|HTML § 7.1.4|Whether the page only loads what agrees to be loaded; needed for cross-origin isolation.
Cross-Origin-Opener-Policy|HTML § 7.1.3|Whether windows of other origins share a browsing context group with this page.
Cross-Origin-Resource-Policy|Fetch § 3.7|Which sites may include this resource at all.
Date|RFC 9110 § 6.6.1|When the message was made, by the sender's clock.
Deprecation|RFC 9745 § 2|Since when this resource is, or will be, deprecated.
Device-Memory|W3C Device Memory § 3|Approximate memory of the device in GiB (client hint).
DNT|W3C Tracking Preference|"Do not track": a wish that nobody had to follow; retired.
Downlink|WICG NetInfo|Approximate bandwidth in Mbit/s (client hint).
DPoP|RFC 9449 § 4|A proof that the client holds the key that its access token is bound to.
Early-Data|RFC 8470 § 5.1|The request came in TLS early data and might have been replayed.
ECT|WICG NetInfo|The effective type of the connection, such as 4g (client hint).
ETag|RFC 9110 § 8.8.3|A tag for this version of the resource; W/ marks a weak one. Sent back in If-None-Match.
Expect|RFC 9110 § 10.1.1|100-continue: the client waits for the server's leave before it sends the body.
Expect-CT|RFC 9163|Certificate transparency enforcement; obsolete.
Expires|RFC 9111 § 5.3|When the answer becomes stale; max-age wins over it.
Forwarded|RFC 7239 § 4|What proxies on the way knew of the client: address, host, protocol.
From|RFC 9110 § 10.1.2|A mail address of the person who runs the client, such as a crawler.
Host|RFC 9110 § 7.2|The host and port that the client asked for.
Idempotency-Key|IETF draft idempotency-key|A key by which the server recognises a request that is sent again.
If-Match|RFC 9110 § 13.1.1|Do it only if the resource still has one of these tags: no lost updates.
If-Modified-Since|RFC 9110 § 13.1.3|Send the body only if it changed since; otherwise 304.
If-None-Match|RFC 9110 § 13.1.2|Send the body only if it has none of these tags; otherwise 304. The client has a copy.
If-Range|RFC 9110 § 13.1.5|Send the part if the resource is unchanged, otherwise the whole.
If-Unmodified-Since|RFC 9110 § 13.1.4|Do it only if the resource is unchanged since.
Keep-Alive|RFC 2068 § 19.7.1|How long an idle connection stays open, and for how many requests.
Last-Modified|RFC 9110 § 8.8.2|When the resource was last changed. Sent back in If-Modified-Since.
Link|RFC 8288 § 3|Related resources, such as the next page, or something to preload.
Location|RFC 9110 § 10.2.2|Where to go (3xx), or what was created (201).
Max-Forwards|RFC 9110 § 7.6.2|How many proxies may pass a TRACE or OPTIONS on.
NEL|W3C Network Error Logging § 4|Asks the browser to report network errors of this origin.
Origin|RFC 6454 § 7|The origin of the page that caused the request; the server decides by it who may read the answer.
Origin-Agent-Cluster|HTML § 7.1.2|Asks the browser to give this origin a process of its own.
Permissions-Policy|W3C Permissions Policy § 5|Which browser features, such as the camera, the page and its frames may use.
Pragma|RFC 9111 § 5.4|"no-cache" for HTTP/1.0; deprecated, Cache-Control replaced it.
Prefer|RFC 7240 § 2|Wishes of the client, such as respond-async or return=minimal.
Preference-Applied|RFC 7240 § 3|Which wishes the server followed.
Priority|RFC 9218 § 5|How urgent the answer is (u=0 to 7), and whether it can be used piece by piece (i).
Proxy-Authenticate|RFC 9110 § 11.7.1|How to authenticate to the proxy.
Proxy-Authorization|RFC 9110 § 11.7.2|The client's credentials for the proxy; not passed on.
Proxy-Connection|MDN|A mistake of old clients: it means Connection, towards a proxy. It is not passed on.
Proxy-Status|RFC 9209 § 2|How each proxy on the way handled the response, and what went wrong.
Range|RFC 9110 § 14.2|The client wants only a part of the resource.
RateLimit|IETF draft ratelimit-headers|What is left of the client's quota.
RateLimit-Limit|IETF draft ratelimit-headers|How many requests a window allows.
RateLimit-Remaining|IETF draft ratelimit-headers|How many requests are left in this window.
RateLimit-Reset|IETF draft ratelimit-headers|Seconds until the quota is full again.
Referer|RFC 9110 § 10.1.3|The address of the page that the request came from; misspelt since 1996.
Referrer-Policy|W3C Referrer Policy § 3|How much of its address the page gives away in Referer.
Refresh|HTML § 4.2.5.3|Load this or another address after some seconds.
Report-To|W3C Reporting|Where the browser sends reports to; Reporting-Endpoints replaces it.
Reporting-Endpoints|W3C Reporting § 3.2|Where the browser sends reports to, by name.
Repr-Digest|RFC 9530 § 3|A digest of the whole representation, also when a part is sent.
Retry-After|RFC 9110 § 10.2.3|When to try again: seconds or a date.
RTT|WICG NetInfo|Approximate round-trip time in milliseconds (client hint).
Save-Data|WICG Save-Data § 2|"on": the person asked for less data.
Sec-CH-UA|WICG UA Client Hints § 3|Brands and main versions of the browser (client hint).
Sec-CH-UA-Arch|WICG UA Client Hints § 3|Processor architecture (client hint).
Sec-CH-UA-Full-Version-List|WICG UA Client Hints § 3|Brands with full versions (client hint).
Sec-CH-UA-Mobile|WICG UA Client Hints § 3|?1 on a mobile device, ?0 otherwise (client hint).
Sec-CH-UA-Model|WICG UA Client Hints § 3|Model of the device (client hint).
Sec-CH-UA-Platform|WICG UA Client Hints § 3|Operating system (client hint).
Sec-CH-UA-Platform-Version|WICG UA Client Hints § 3|Version of the operating system (client hint).
Sec-CH-Prefers-Color-Scheme|W3C Media Queries 5|Dark or light, as the person prefers (client hint).
Sec-Fetch-Dest|W3C Fetch Metadata § 2.1|What the answer is for: document, image, script, empty (fetch)...
Sec-Fetch-Mode|W3C Fetch Metadata § 2.2|How it was asked for: navigate, cors, no-cors, same-origin, websocket.
Sec-Fetch-Site|W3C Fetch Metadata § 2.3|How the asking page relates to this origin: same-origin, same-site, cross-site, or none (the person).
Sec-Fetch-Storage-Access|W3C Storage Access|Whether the frame may use its cookies on another site's page.
Sec-Fetch-User|W3C Fetch Metadata § 2.4|?1: a person's action caused the navigation.
Sec-GPC|W3C Global Privacy Control § 3|"1": the person asks that data is neither sold nor shared.
Sec-Purpose|Fetch § 3.8|"prefetch": nobody has asked to see it yet.
Sec-WebSocket-Accept|RFC 6455 § 11.3.3|The server's proof that it understood the WebSocket handshake: a digest of the key.
Sec-WebSocket-Extensions|RFC 6455 § 11.3.2|Extensions offered or agreed, such as permessage-deflate (RFC 7692).
Sec-WebSocket-Key|RFC 6455 § 11.3.1|16 random bytes that the server must answer for; not a secret.
Sec-WebSocket-Protocol|RFC 6455 § 11.3.4|Subprotocols offered, or the one that was chosen.
Sec-WebSocket-Version|RFC 6455 § 11.3.5|The version of the WebSocket protocol: 13.
Server|RFC 9110 § 10.2.4|The software of the server, as it likes to be called.
Server-Timing|W3C Server Timing § 3|What took how long on the server, for developer tools.
Service-Worker|W3C Service Workers § 6.1|The request fetches the script of a service worker.
Service-Worker-Allowed|W3C Service Workers § 6.2|The widest scope that a service worker of this script may have.
Service-Worker-Navigation-Preload|W3C Service Workers § 3.2|The request was started while the service worker was starting.
Set-Cookie|RFC 6265 § 4.1|Asks the client to keep a cookie and send it back, as its attributes say.
Signature|RFC 9421 § 4.2|Signatures over parts of this message.
Signature-Input|RFC 9421 § 4.1|What each signature covers, with its key and time.
SourceMap|ECMA-426|Where the source map of this script or style is.
Speculation-Rules|WICG Speculation Rules|Where the rules are by which pages are fetched ahead.
Strict-Transport-Security|RFC 6797 § 6.1|For so many seconds the browser uses only https for this host.
Sunset|RFC 8594 § 3|When this resource will probably stop answering.
Surrogate-Control|W3C Edge Architecture|Cache-Control for caches that act for the server.
TE|RFC 9110 § 10.1.4|Transfer codings the client accepts; "trailers" says that it reads trailer fields.
Timing-Allow-Origin|W3C Resource Timing § 4.5.1|Origins whose pages may see exact timings of this resource.
Trailer|RFC 9110 § 6.6.2|Names of the fields that come after the body.
Transfer-Encoding|RFC 9112 § 6.1|How the body is framed on this connection, mostly in chunks; not a property of the content.
Traceparent|W3C Trace Context § 3.2|Identifies this request in a distributed trace: version, trace, parent span, flags.
Tracestate|W3C Trace Context § 3.3|What tracing systems add to the trace context.
Upgrade|RFC 9110 § 7.8|Another protocol that the client wants, or the server changes to, on this connection.
Upgrade-Insecure-Requests|W3C Upgrade Insecure Requests § 3.2.1|"1": the browser prefers an https answer.
User-Agent|RFC 9110 § 10.1.5|The client's software; written to look like many others.
Vary|RFC 9110 § 12.5.5|Request headers that the answer depends on: a cache may use it only where these agree.
Via|RFC 9110 § 7.6.3|Proxies on the way, with their protocol versions.
Viewport-Width|W3C Client Hints|Width of the window in CSS pixels (client hint).
Want-Content-Digest|RFC 9530 § 4|Asks for a digest of the content.
Want-Repr-Digest|RFC 9530 § 4|Asks for a digest of the representation.
Warning|RFC 7234 § 5.5|What a cache wanted to warn about; obsolete.
WWW-Authenticate|RFC 9110 § 11.6.1|How to authenticate: schemes with their parameters.
X-Cache|no standard|Whether a content delivery network had the answer (HIT) or not (MISS).
X-Content-Type-Options|Fetch § 3.6|"nosniff": the browser takes the media type at its word.
X-Correlation-ID|no standard|A number by which the request is found in several logs.
X-CSRF-Token|no standard|A secret of the page that proves that the page itself sent the request.
X-DNS-Prefetch-Control|no standard|Whether the browser may resolve names in links ahead.
X-Download-Options|no standard|"noopen": old Internet Explorer must not open the download by itself.
X-Forwarded-For|no standard|The addresses that proxies saw the request come from; Forwarded is the standard.
X-Forwarded-Host|no standard|The host that the client asked the first proxy for.
X-Forwarded-Proto|no standard|The protocol that the client used towards the first proxy.
X-Frame-Options|RFC 7034|Who may frame the page; frame-ancestors of CSP replaced it.
X-HTTP-Method-Override|no standard|The method that is really meant, where only POST gets through.
X-Permitted-Cross-Domain-Policies|no standard|Whether Flash and PDF may read across origins; mostly history.
X-Powered-By|no standard|The software behind the server; better left out.
X-Real-IP|no standard|The client's address, as the proxy before the server saw it.
X-Request-ID|no standard|A number by which the request is found in logs.
X-Requested-With|no standard|"XMLHttpRequest": a script sent it; its presence forces a CORS preflight.
X-Robots-Tag|no standard|What search engines may do with this resource.
X-UA-Compatible|no standard|Which engine old Internet Explorer should use.
X-XSS-Protection|no standard|A filter that browsers no longer have.
:method|RFC 9113 § 8.3.1|The request method.
:scheme|RFC 9113 § 8.3.1|The scheme of the address, such as https.
:authority|RFC 9113 § 8.3.1|Host and port; what Host is in HTTP/1.1.
:path|RFC 9113 § 8.3.1|Path and query of the address.
:status|RFC 9113 § 8.3.2|The status code; HTTP/2 has no reason phrase.
:protocol|RFC 8441 § 4|The protocol that an extended CONNECT asks for, such as websocket.
`;

export type Entry = [name: string, spec: string, text: string];

let table: Map<string, Entry> | null = null;

export function headerEntry(name: string): Entry | null {
  table ??= new Map(
    TABLE.trim().split("\n").map((line) => {
      const [title = "", spec = "", ...text] = line.split("|");
      return [title.toLowerCase(), [title, spec, text.join("|")]];
    }),
  );
  return table.get(name.toLowerCase()) ?? null;
}

/** All names, as they are usually written. */
export function headerNames(): string[] {
  headerEntry("");
  return [...(table?.values() ?? [])].map(([name]) => name);
}
