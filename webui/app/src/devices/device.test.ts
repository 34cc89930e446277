import { describe, expect, it } from "vitest";
import { deviceName } from "./device";

describe("a device's name", () => {
  it("comes from the User-Agent", () => {
    const named = (user_agent: string | null) => deviceName({ user_agent });
    expect(named("Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15")).toBe("iPhone");
    expect(named("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36")).toBe("Android device");
    expect(named("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)")).toBe("Mac");
    expect(named("curl/8.5.0")).toBe("A program");
    expect(named(null)).toBe("A device");
  });
});
