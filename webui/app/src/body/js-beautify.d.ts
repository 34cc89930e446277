declare module "js-beautify/js/lib/beautify.js" {
  export function js_beautify(text: string, options?: object): string;
}
declare module "js-beautify/js/lib/beautify-css.js" {
  export function css_beautify(text: string, options?: object): string;
}
