//! What must hold is at `overhear_webui::fuzz::har_entry`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(webui::har_entry);
