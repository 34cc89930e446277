//! Formats scripts and styles away from the page, so that a huge or malicious one cannot hold it up.

import { css_beautify } from "js-beautify/js/lib/beautify-css.js";
import { js_beautify } from "js-beautify/js/lib/beautify.js";

export interface Work {
  text: string;
  format: "css" | "js";
}

onmessage = (event: MessageEvent<Work>) => {
  const { text, format } = event.data;
  const options = { indent_size: 2, max_preserve_newlines: 2, end_with_newline: false };
  postMessage(format === "css" ? css_beautify(text, options) : js_beautify(text, options));
};
