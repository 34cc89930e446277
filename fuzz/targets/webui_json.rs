//! What must hold is at `overhear_webui::fuzz::json`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(webui::json);
