//! A file of rules that was dropped on the page, until it is looked at.

export const dropped = $state<{ file: File | null }>({ file: null });
