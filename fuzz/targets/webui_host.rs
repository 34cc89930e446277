//! What must hold is at `overhear_webui::fuzz::host`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(webui::host);
