import { describe, expect, it } from "vitest";
import type { Device } from "../lib/types";
import { curl, ports, RECIPES, sh, systemOf, type Place } from "./recipes";
import { sighting } from "./seen";

const place: Place = { host: "127.0.0.1", port: "8080", ca: "/home/o'neil/my data/ca.pem", open: false };

describe("lines to copy", () => {
  it("name the real address and certificate, quoted for the shell", () => {
    expect(curl(place, "linux")).toBe("curl --proxy http://127.0.0.1:8080 --cacert '/home/o'\\''neil/my data/ca.pem' https://example.com/");
    expect(curl({ ...place, ca: "C:\\Users\\o'neil\\ca file.pem" }, "windows")).toContain("--cacert 'C:\\Users\\o''neil\\ca file.pem'");
    expect(sh("plain/path.pem")).toBe("plain/path.pem");
    for (const recipe of RECIPES) {
      for (const system of ["mac", "windows", "linux"] as const) {
        const lines = recipe.steps(place, system).map((step) => step.lines ?? "").join("\n");
        expect(lines, recipe.id).toContain("8080");
        expect(lines, recipe.id).toMatch(/o'(\\'')?'?neil/);
      }
    }
  });

  it("name the script of the proxy, and what stands in a server's place", () => {
    const steps = ports(
      [
        { address: "0.0.0.0:8080", mode: "proxy", server: null },
        { address: "0.0.0.0:9000", mode: "reverse", server: "https://api.test:443" },
        { address: "127.0.0.1:9001", mode: "reverse", server: "tcp://db.test:5432" },
        { address: "[::]:8082", mode: "transparent", server: null },
      ],
      "192.168.1.5:8080",
    );
    expect(steps.map((step) => step.lines)).toEqual(["http://192.168.1.5:8080/proxy.pac", undefined, "https://localhost:9000/", "127.0.0.1:9001"]);
  });

  it("are read by PowerShell as they are meant", () => {
    const at = { ...place, ca: "C:\\Users\\o'neil\\ca file.pem" };
    for (const recipe of RECIPES) {
      for (const { lines = "" } of recipe.steps(at, "windows")) {
        const words = lines.match(/(?:'(?:[^']|'')*'|"[^"]*"|[^\s'"])+/g) ?? [];
        // such a word is cut in two at its first full stop when it is not quoted
        expect(words.filter((word) => /^-[^'"]*\./.test(word)), recipe.id).toEqual([]);
      }
    }
    // Windows' own curl wants to know who took the certificate back, which nobody can tell of these
    expect(curl(at, "windows")).toMatch(/^curl\.exe --ssl-no-revoke /);
    expect(curl(at, "mac")).not.toContain("revoke");
    expect(RECIPES.find(({ id }) => id === "python")?.steps(at, "windows")[0]?.lines).toMatch(/\npython app\.py$/);
  });

  it("say that a container needs the proxy opened", () => {
    const docker = RECIPES.find((recipe) => recipe.id === "docker");
    expect(docker?.steps(place, "linux")[0]?.lines).toContain("--listen 0.0.0.0:8080");
    expect(docker?.steps({ ...place, open: true }, "linux")).toHaveLength(1);
  });

  it("are for the system that the browser runs on", () => {
    expect([systemOf("MacIntel"), systemOf("Win32"), systemOf("Linux x86_64"), systemOf("")]).toEqual(["mac", "windows", "linux", "linux"]);
  });
});

it("what was seen of a device says what is missing", () => {
  const device = (change: Partial<Device>): Device => ({ address: "192.168.1.20", decision: "allow", first_seen: "", last_seen: "", connections: 3, user_agent: "iPhone", trusts: null, trusted: null, ...change });
  expect(sighting(device({ trusts: false })).text).toBe("An iPhone at 192.168.1.20 connected but does not trust the certificate yet: open http://overhear.internal on it.");
  expect(sighting(device({ decision: null, user_agent: null }))).toMatchObject({ text: "A device at 192.168.1.20 wants to use the proxy.", asks: true });
  const again = sighting(device({ trusts: false, trusted: "2026-01-02T03:04:05Z" }));
  expect([again.text.includes("now refuses the certificate that it trusted before"), again.tone]).toEqual([true, "wait"]);
  expect(sighting(device({ trusts: true, trusted: "2026-01-02T03:04:05Z" })).tone).toBe("well");
  expect(sighting(device({ decision: "refuse" })).tone).toBe("refused");
  expect(sighting(device({})).text).toContain("nothing encrypted");
});
