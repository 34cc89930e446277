declare module "punycode/punycode.es6.js" {
  /** Punycode without its `xn--` as text (RFC 3492). Throws a RangeError at what is none. */
  export function decode(input: string): string;
}
