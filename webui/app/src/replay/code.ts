//! CodeMirror, loaded when an editor is first shown. It lives in a shadow root: there its style sheets are adopted objects,
//! which the content security policy of the page allows, and not `<style>` elements, which it does not.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { offer } from "./headers";
import type { Language } from "./language";

export interface CodeOptions {
  text: string;
  label: string;
  testid?: string | undefined;
  /** Offers methods, names and values of a head: in all lines, or in those before the first empty one. */
  head?: "fields" | "request" | undefined;
  onchange: (text: string) => void;
}

export interface Code {
  setText(text: string): void;
  setLanguage(language: Language): Promise<void>;
  /** Hands on what was typed and not handed on yet. */
  flush(): void;
  destroy(): void;
}

/** A change of a longer text is handed on after a pause: the text has to be put together each time. */
const AT_ONCE = 200_000;
const PAUSE_MS = 300;

export function openCode(host: HTMLElement, { text, label, testid, head, onchange }: CodeOptions): Code {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const language = new Compartment();
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let told = text;

  function flush(): void {
    clearTimeout(waiting);
    waiting = undefined;
    const now = view.state.doc.toString();
    if (now === told) return;
    told = now;
    onchange(now);
  }

  const view = new EditorView({
    root,
    parent: root as unknown as Element,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(),
        highlightSelectionMatches(), syntaxHighlighting(style), theme, language.of([]),
        autocompletion(head ? { override: [(context) => offered(context, head)] } : { override: [] }),
        // Ctrl+Enter sends, wherever the cursor stands
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap.filter(({ key }) => key !== "Mod-Enter")]),
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", spellcheck: "false", autocapitalize: "off", ...(testid ? { "data-testid": testid } : {}) }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          clearTimeout(waiting);
          if (update.state.doc.length <= AT_ONCE) flush();
          else waiting = setTimeout(flush, PAUSE_MS);
        }),
        EditorView.domEventHandlers({ blur: flush }),
      ],
    }),
  });

  return {
    setText(next) {
      if (next === told) return;
      told = next;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
    },
    async setLanguage(name) {
      const extension = await load(name);
      view.dispatch({ effects: language.reconfigure(extension) });
    },
    flush,
    destroy() {
      clearTimeout(waiting);
      view.destroy();
    },
  };
}

async function load(name: Language): Promise<Extension> {
  switch (name) {
    case "json":
      return (await import("@codemirror/lang-json")).json();
    case "xml":
      return (await import("@codemirror/lang-xml")).xml();
    case "html":
      return (await import("@codemirror/lang-html")).html();
    case "css":
      return (await import("@codemirror/lang-css")).css();
    case "javascript":
      return (await import("@codemirror/lang-javascript")).javascript({ jsx: true, typescript: true });
    case "plain":
      return [];
  }
}

function offered(context: CompletionContext, head: "fields" | "request"): CompletionResult | null {
  const { doc } = context.state;
  const line = doc.lineAt(context.pos);
  if (head === "request") {
    for (let at = 2; at < line.number; at++) if (doc.line(at).text.trim() === "") return null;
  }
  const found = offer(line.text, context.pos - line.from, head === "request" && line.number === 1);
  const typed = line.text.slice(found?.from ?? 0, context.pos - line.from);
  if (!found || found.options.includes(typed)) return null;
  const rest = found.kind === "name" && !line.text.slice(context.pos - line.from).includes(":") ? ": " : "";
  return {
    from: line.from + found.from,
    options: found.options.map((label) => ({ label, apply: label + rest, type: found.kind === "value" ? "constant" : "property" })),
    validFor: (text: string) => !found.options.includes(text) && (found.kind === "value" ? /^[^,]*$/ : /^[\w-]*$/).test(text),
  };
}

const style = HighlightStyle.define([
  { tag: [tags.propertyName, tags.attributeName, tags.tagName, tags.definition(tags.propertyName)], color: "var(--key)" },
  { tag: [tags.string, tags.attributeValue], color: "var(--string)" },
  { tag: [tags.number], color: "var(--number)" },
  { tag: [tags.keyword, tags.bool, tags.null, tags.operatorKeyword], color: "var(--word)" },
  { tag: [tags.comment], color: "var(--muted)", fontStyle: "italic" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--bg)", fontSize: "12px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "18px", overflow: "auto" },
  ".cm-content": { padding: "6px 0", caretColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--muted)", border: "none", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--selected) 30%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selected)" },
  ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--changed)" },
  ".cm-matchingBracket": { backgroundColor: "var(--selected-quiet)", outline: "1px solid var(--line-strong)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "6px" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "220px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--selected)", color: "var(--text)" },
  ".cm-panels input, .cm-panels button": { font: "inherit", color: "inherit", backgroundColor: "var(--bg)", backgroundImage: "none", border: "1px solid var(--line-strong)", borderRadius: "4px" },
});
