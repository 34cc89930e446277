//! How each kind of client is brought to the proxy: lines to copy, with the real address and the real certificate.

import type { Listener } from "../lib/types";

export type System = "mac" | "windows" | "linux";

export interface Place {
  /** Where a program on this machine reaches the proxy. */
  host: string;
  port: string;
  /** The root certificate as a PEM file on this machine. */
  ca: string;
  /** Others in the network reach the proxy. */
  open: boolean;
}

/** A step: what it is for, and the lines. Without lines it is only said. */
export interface Step {
  text: string;
  lines?: string;
}

export interface Recipe {
  id: string;
  title: string;
  steps: (place: Place, system: System) => Step[];
}

/** A word of a POSIX shell. */
export function sh(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word of PowerShell. */
export function ps(text: string): string {
  return /^[\w@%+=:./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}

export const quoted = (text: string, system: System) => (system === "windows" ? ps(text) : sh(text));

const url = ({ host, port }: Place) => `http://${host.includes(":") ? `[${host}]` : host}:${port}`;

/** A program that is started with variables set for it alone. */
function withVariables(pairs: [name: string, value: string][], command: string, system: System): string {
  if (system === "windows") return [...pairs.map(([name, value]) => `$env:${name} = '${value.replaceAll("'", "''")}'`), command].join("\n");
  return [...pairs.map(([name, value]) => `${name}=${sh(value)} \\`), command].join("\n");
}

const proxies = (place: Place): [string, string][] => [["HTTP_PROXY", url(place)], ["HTTPS_PROXY", url(place)]];

export const RECIPES: readonly Recipe[] = [
  { id: "browser", title: "A browser", steps: browser },
  {
    id: "curl", title: "curl",
    steps: (place, system) => [{ text: "For one call:", lines: curl(place, system) }],
  },
  {
    id: "shell", title: "Any program",
    steps: (place, system) => [
      {
        text: "Most programs look at these variables. In a terminal, for all that is started there afterwards:",
        // curl knows http_proxy in small letters only; to Windows the letters are the same
        lines: [...(system === "windows" ? [] : proxies(place).map(([name, value]): [string, string] => [name.toLowerCase(), value])), ...proxies(place), ...["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"].map((name): [string, string] => [name, place.ca])]
          .map(([name, value]) => (system === "windows" ? `$env:${name} = '${value.replaceAll("'", "''")}'` : `export ${name}=${sh(value)}`))
          .join("\n"),
      },
    ],
  },
  {
    id: "node", title: "Node.js",
    steps: (place, system) => [
      { text: "Node 24 and newer (and 22.21) go through the proxy when they are told to:", lines: withVariables([["NODE_USE_ENV_PROXY", "1"], ...proxies(place), ["NODE_EXTRA_CA_CERTS", place.ca]], "node app.js", system) },
      { text: "Older ones need it in the program; with the package undici:", lines: `import { ProxyAgent, setGlobalDispatcher } from "undici";\nsetGlobalDispatcher(new ProxyAgent("${url(place)}"));` },
      { text: "and are started with the certificate:", lines: withVariables([["NODE_EXTRA_CA_CERTS", place.ca]], "node app.js", system) },
    ],
  },
  {
    id: "python", title: "Python",
    steps: (place, system) => [
      { text: "requests, httpx, urllib and pip:", lines: withVariables([...proxies(place), ["REQUESTS_CA_BUNDLE", place.ca], ["SSL_CERT_FILE", place.ca]], system === "windows" ? "python app.py" : "python3 app.py", system) },
    ],
  },
  {
    id: "java", title: "Java",
    steps: (place, system) => [
      { text: "Java keeps certificates of its own. Once, a trust store with this one in it:", lines: `keytool -importcert -noprompt -alias overhear -file ${quoted(place.ca, system)} -keystore overhear.p12 -storetype PKCS12 -storepass changeit` },
      {
        text: "Then the program:",
        lines: [
          "java",
          ...["http", "https"].flatMap((scheme) => [`-D${scheme}.proxyHost=${place.host}`, `-D${scheme}.proxyPort=${place.port}`]),
          "-Dhttp.nonProxyHosts=", "-Djavax.net.ssl.trustStore=overhear.p12", "-Djavax.net.ssl.trustStorePassword=changeit", "-jar app.jar",
        ].map((word) => (system === "windows" && word.startsWith("-D") ? `"${word}"` : word)).join(system === "windows" ? " `\n  " : " \\\n  "),
      },
    ],
  },
  { id: "docker", title: "Docker", steps: docker },
];

export function curl(place: Place, system: System): string {
  // Windows' own curl asks who took a certificate back even of an authority that it is given, and fails where nobody can tell
  return `${system === "windows" ? "curl.exe --ssl-no-revoke" : "curl"} --proxy ${url(place)} --cacert ${quoted(place.ca, system)} https://example.com/`;
}

function browser(place: Place, system: System): Step[] {
  // PowerShell cuts a word that begins with a dash at its first full stop, unless it is quoted
  const flags = `${system === "windows" ? `"--proxy-server=${url(place)}"` : `--proxy-server=${url(place)}`} "--proxy-bypass-list=<-loopback>"`;
  const chrome: Record<System, string> = {
    mac: `open -na "Google Chrome" --args --user-data-dir=/tmp/overhear-chrome ${flags}`,
    linux: `google-chrome --user-data-dir=/tmp/overhear-chrome ${flags}`,
    windows: `& "$env:ProgramFiles\\Google\\Chrome\\Application\\chrome.exe" "--user-data-dir=$env:TEMP\\overhear-chrome" ${flags}`,
  };
  const trust: Record<System, string> = {
    mac: `security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ${quoted(place.ca, system)}`,
    linux: `mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n overhear -i ${quoted(place.ca, system)}`,
    windows: `certutil -user -addstore Root ${quoted(place.ca, system)}`,
  };
  const undo: Record<System, string> = {
    mac: "It stands in Keychain Access under “login” and can be deleted there.",
    linux: "certutil is in the package libnss3-tools (Debian, Ubuntu) or nss-tools (Fedora). certutil -d sql:$HOME/.pki/nssdb -D -n overhear takes it away again.",
    windows: "certmgr.msc shows it under Trusted Root Certification Authorities, where it can be deleted.",
  };
  return [
    { text: "Trust the certificate, once:", lines: trust[system] },
    { text: undo[system] },
    { text: "Then Chrome (Chromium, Edge and Brave take the same flags) with a profile of its own, so that your everyday one stays as it is:", lines: chrome[system] },
    { text: `Firefox: Settings > Network Settings > Manual proxy: ${place.host}, port ${place.port}, also for HTTPS. It trusts what the system trusts; on Linux import the certificate under Settings > Privacy & Security > View Certificates > Authorities.` },
  ];
}

function docker(place: Place, system: System): Step[] {
  const host: Place = { ...place, host: "host.docker.internal" };
  const variables: [string, string][] = [...proxies(host), ...["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"].map((name): [string, string] => [name, "/overhear.pem"])];
  const words = [
    "docker run --rm -it --add-host host.docker.internal:host-gateway",
    `-v ${quoted(`${place.ca}:/overhear.pem:ro`, system)}`,
    ...variables.map(([name, value]) => `-e ${name}=${value}`),
    "IMAGE",
  ];
  return [
    ...(place.open ? [] : [{ text: "The proxy listens on this machine only, and a container does not count as this machine. Let others in under Settings, “The proxy listens on”, or start overhear with:", lines: `overhear --listen 0.0.0.0:${place.port}` }]),
    { text: "A container reaches this machine as host.docker.internal. This page asks about its address the first time.", lines: words.join(system === "windows" ? " `\n  " : " \\\n  ") },
  ];
}

/** What needs no address and port typed in, and what is reached without a proxy. `reached`: where the proxy is reached. */
export function ports(listeners: readonly Listener[], reached: string): Step[] {
  return [
    { text: "Where a browser or a system asks for the address of a script (automatic proxy configuration, PAC), this one names the proxy:", lines: `http://${reached}/proxy.pac` },
    { text: "A program that wants a SOCKS proxy uses the same address and port: SOCKS5, SOCKS4 and SOCKS4a." },
    ...listeners.flatMap(({ address, mode, server }) =>
      mode === "reverse" && server !== null
        ? [{ text: `In the place of ${server} stands this, without any proxy set:`, lines: server.startsWith("http") ? `${server.startsWith("https") ? "https" : "http"}://${address.replace(/^(0\.0\.0\.0|\[::\])/, "localhost")}/` : address }]
        : [],
    ),
  ];
}

/** The system that a browser says it runs on. */
export function systemOf(platform: string): System {
  if (/mac|iphone|ipad/i.test(platform)) return "mac";
  return /win/i.test(platform) ? "windows" : "linux";
}
