//! Names of hosts in the letters of their languages, where nobody can be deceived by them: the rules by which browsers decide
//! (UTS #39, "highly restrictive", and no label that only imitates Latin letters). Everything else stays in its ASCII form.

import { decode } from "punycode/punycode.es6.js";
import { isolated } from "./bidi";

/** The scripts that names may be written in (UAX #31, table 5). */
const SCRIPTS = [
  "Latin", "Cyrillic", "Greek", "Armenian", "Georgian", "Hebrew", "Arabic", "Thaana", "Ethiopic", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil",
  "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Hangul", "Han", "Hiragana", "Katakana", "Bopomofo",
].map((name): [string, RegExp] => [name, new RegExp(`\\p{Script=${name}}`, "u")]);

/** Scripts that are written together. */
const TOGETHER = [["Latin", "Han", "Hiragana", "Katakana"], ["Latin", "Han", "Bopomofo"], ["Latin", "Han", "Hangul"]];

/** Letters that look like Latin ones: a label of nothing else is somebody's disguise, unless the zone is of that script. */
const IMITATIONS: readonly [string, RegExp][] = [
  ["Cyrillic", /^[асԁеһіјӏорԛѕԝхуъьҽпгѵѡкмтв]+$/u],
  ["Greek", /^[αικνρυωηοτχγμςϲϳ]+$/u],
  ["Armenian", /^[ցօսոհզԁյքւոբ]+$/u],
];

/** Latin letters beside those of ASCII with marks on them. Others (ɡ, ı) are easily taken for another letter. */
const LATIN = /[a-zßæœøþðđħłŋ]/u;

const known = new Map<string, string>();
const MOST = 5_000;

/** The host as a person reads it; as it is where a label could deceive. */
export function readable(host: string): string {
  if (!/(^|\.)xn--/i.test(host)) return host;
  const before = known.get(host);
  if (before !== undefined) return before;
  const ascii = host.toLowerCase().split(".");
  const decoded = ascii.map(unicode);
  // a disguise is none in a zone of the same script
  const zone = (decoded.at(-1) || decoded.at(-2)) ?? "";
  const shown = decoded.map((label, at) => (label === ascii[at] || honest(label, zone) ? label : (ascii[at] ?? ""))).join(".");
  if (known.size >= MOST) known.clear();
  known.set(host, shown);
  return shown;
}

/** [`readable`], to stand in a text: no label turns around what is beside it, and all stay in their order. */
export function hostWords(host: string): string {
  return readable(host).split(".").map(isolated).join(".");
}

/** A label in Unicode, if it is what the browser itself would make this ASCII of (UTS #46). */
function unicode(label: string): string {
  if (!label.startsWith("xn--")) return label;
  try {
    const text = decode(label.slice(4));
    return new URL(`http://${text}.test/`).hostname === `${label}.test` ? text : label;
  } catch {
    return label;
  }
}

function honest(label: string, zone: string): boolean {
  const scripts = new Set<string>();
  for (const character of label) {
    if (/[0-9-]/.test(character) || /\p{Script=Inherited}/u.test(character)) continue;
    // the lengthening mark belongs to both Japanese scripts
    const script = character === "ー" ? "Katakana" : SCRIPTS.find(([, of]) => of.test(character))?.[0];
    if (!script || (script === "Latin" && !LATIN.test(character.normalize("NFD").charAt(0)))) return false;
    scripts.add(script);
  }
  const names = [...scripts];
  if (names.length > 1 && !TOGETHER.some((set) => names.every((name) => set.includes(name)))) return false;
  const letters = label.replace(/[0-9-]/g, "");
  const imitated = IMITATIONS.find(([name]) => names.length === 1 && names[0] === name);
  return !imitated?.[1].test(letters) || new RegExp(`\\p{Script=${imitated[0]}}`, "u").test(zone);
}
