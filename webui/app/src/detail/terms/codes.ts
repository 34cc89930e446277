//! What status codes and methods mean, one sentence each.

import type { Entry } from "./headers";

const STATUS = `
100|Continue|RFC 9110 § 15.2.1|Go on and send the body.
101|Switching Protocols|RFC 9110 § 15.2.2|From here on the connection speaks the protocol that Upgrade names.
102|Processing|RFC 2518 § 10.1|Still working on it; obsolete.
103|Early Hints|RFC 8297 § 2|Links that the client can fetch already, before the answer is ready.
200|OK|RFC 9110 § 15.3.1|It worked; what the body is depends on the method.
201|Created|RFC 9110 § 15.3.2|Something new was made; Location says where it is.
202|Accepted|RFC 9110 § 15.3.3|It was taken in and will be worked on later.
203|Non-Authoritative Information|RFC 9110 § 15.3.4|A proxy changed what the server had answered.
204|No Content|RFC 9110 § 15.3.5|It worked, and there is nothing to say.
205|Reset Content|RFC 9110 § 15.3.6|It worked; the form should be emptied.
206|Partial Content|RFC 9110 § 15.3.7|The part that was asked for with Range.
207|Multi-Status|RFC 4918 § 11.1|Several results, each with a status of its own, in the body.
300|Multiple Choices|RFC 9110 § 15.4.1|There are several versions to choose from.
301|Moved Permanently|RFC 9110 § 15.4.2|It is elsewhere for good. Clients may turn a POST into a GET; 308 forbids that.
302|Found|RFC 9110 § 15.4.3|It is elsewhere for now. Clients turn a POST into a GET; 307 forbids that.
303|See Other|RFC 9110 § 15.4.4|The result is at another address: fetch it with GET.
304|Not Modified|RFC 9110 § 15.4.5|The copy that the client has is still good: no body is sent.
307|Temporary Redirect|RFC 9110 § 15.4.8|It is elsewhere for now: same method, same body.
308|Permanent Redirect|RFC 9110 § 15.4.9|It is elsewhere for good: same method, same body.
400|Bad Request|RFC 9110 § 15.5.1|The server cannot make sense of the request.
401|Unauthorized|RFC 9110 § 15.5.2|Credentials are missing or wrong; WWW-Authenticate says which kind is wanted.
402|Payment Required|RFC 9110 § 15.5.3|Reserved; used by some services for what it says.
403|Forbidden|RFC 9110 § 15.5.4|The server understood and refuses; other credentials may help, the same ones will not.
404|Not Found|RFC 9110 § 15.5.5|There is nothing here, or the server does not want to say that there is.
405|Method Not Allowed|RFC 9110 § 15.5.6|Not with this method; Allow lists those that work.
406|Not Acceptable|RFC 9110 § 15.5.7|Nothing fits what Accept and its relatives ask for.
407|Proxy Authentication Required|RFC 9110 § 15.5.8|The proxy wants credentials.
408|Request Timeout|RFC 9110 § 15.5.9|The request did not arrive in the time that the server waits.
409|Conflict|RFC 9110 § 15.5.10|It does not fit the present state, such as an edit of an old version.
410|Gone|RFC 9110 § 15.5.11|It was here and will not come back.
411|Length Required|RFC 9110 § 15.5.12|The server wants Content-Length.
412|Precondition Failed|RFC 9110 § 15.5.13|An If-... condition of the request does not hold.
413|Content Too Large|RFC 9110 § 15.5.14|The body is larger than the server takes.
414|URI Too Long|RFC 9110 § 15.5.15|The address is longer than the server takes.
415|Unsupported Media Type|RFC 9110 § 15.5.16|The server does not take a body of this type or coding.
416|Range Not Satisfiable|RFC 9110 § 15.5.17|The part that was asked for is outside of the resource.
417|Expectation Failed|RFC 9110 § 15.5.18|The server cannot do what Expect asks for.
418|I'm a teapot|RFC 2324 § 2.3.2|A joke that was never taken back.
421|Misdirected Request|RFC 9110 § 15.5.20|This server is not for that host: the client used a connection it should not have.
422|Unprocessable Content|RFC 9110 § 15.5.21|Well-formed, but what it says cannot be done.
423|Locked|RFC 4918 § 11.3|Somebody holds a lock on it.
424|Failed Dependency|RFC 4918 § 11.4|It depended on something that failed.
425|Too Early|RFC 8470 § 5.2|The server does not want to act on early data, which might be a replay.
426|Upgrade Required|RFC 9110 § 15.5.22|Only over another protocol; Upgrade says which.
428|Precondition Required|RFC 6585 § 3|The server wants an If-Match, so that no update is lost.
429|Too Many Requests|RFC 6585 § 4|Too often; Retry-After may say how long to wait.
431|Request Header Fields Too Large|RFC 6585 § 5|The headers are larger than the server takes; often the cookies.
451|Unavailable For Legal Reasons|RFC 7725 § 3|Somebody's law forbids it.
500|Internal Server Error|RFC 9110 § 15.6.1|Something broke on the server.
501|Not Implemented|RFC 9110 § 15.6.2|The server does not know the method.
502|Bad Gateway|RFC 9110 § 15.6.3|A gateway got a wrong answer, or none, from the server behind it.
503|Service Unavailable|RFC 9110 § 15.6.4|Overloaded or in maintenance; Retry-After may say until when.
504|Gateway Timeout|RFC 9110 § 15.6.5|The server behind a gateway did not answer in time.
505|HTTP Version Not Supported|RFC 9110 § 15.6.6|The server does not speak this version of HTTP.
507|Insufficient Storage|RFC 4918 § 11.5|The server has no room for it.
508|Loop Detected|RFC 5842 § 7.2|The operation goes in a circle.
511|Network Authentication Required|RFC 6585 § 6|The network wants a login first, such as in a hotel.
`;

const METHODS = `
GET|RFC 9110 § 9.3.1|Asks for the resource. Safe: it should change nothing.
HEAD|RFC 9110 § 9.3.2|Like GET, but only the headers of the answer.
POST|RFC 9110 § 9.3.3|Hands the body to the resource to do something with. Twice may be done twice.
PUT|RFC 9110 § 9.3.4|Makes the resource what the body is. Twice is the same as once.
DELETE|RFC 9110 § 9.3.5|Removes the resource. Twice is the same as once.
CONNECT|RFC 9110 § 9.3.6|Asks a proxy for a tunnel to a host and port.
OPTIONS|RFC 9110 § 9.3.7|Asks what is possible; browsers ask so before a cross-origin request (preflight).
TRACE|RFC 9110 § 9.3.8|Asks for the request as it arrived.
PATCH|RFC 5789 § 2|Changes the resource as the body says.
QUERY|IETF draft safe-method-w-body|Like GET, with a body that says what is asked for.
PROPFIND|RFC 4918 § 9.1|WebDAV: reads properties, of a folder too.
PROPPATCH|RFC 4918 § 9.2|WebDAV: changes properties.
MKCOL|RFC 4918 § 9.3|WebDAV: makes a folder.
COPY|RFC 4918 § 9.8|WebDAV: copies to the address in Destination.
MOVE|RFC 4918 § 9.9|WebDAV: moves to the address in Destination.
LOCK|RFC 4918 § 9.10|WebDAV: takes a lock.
UNLOCK|RFC 4918 § 9.11|WebDAV: gives a lock back.
REPORT|RFC 3253 § 3.6|WebDAV: asks for a report, such as calendar entries.
`;

const rows = (table: string) => table.trim().split("\n").map((line) => line.split("|"));

export function statusEntry(code: string): Entry | null {
  const row = rows(STATUS).find(([number]) => number === code);
  if (row) return [`${row[0]} ${row[1]}`, row[2] ?? "", row[3] ?? ""];
  const classes: Record<string, string> = {
    "1": "An interim answer: the final one is still to come.",
    "2": "It worked.",
    "3": "Something more has to be done to get it.",
    "4": "The server sees the fault in the request.",
    "5": "The server sees the fault in itself.",
  };
  const text = /^[1-5]\d\d$/.test(code) ? classes[code[0] as string] : undefined;
  return text ? [code, "RFC 9110 § 15", `${text} This code has no standard meaning beyond its first digit.`] : null;
}

export function methodEntry(method: string): Entry | null {
  const row = rows(METHODS).find(([name]) => name === method);
  return row ? [row[0] ?? "", row[1] ?? "", row[2] ?? ""] : null;
}
