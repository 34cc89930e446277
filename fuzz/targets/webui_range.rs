//! What must hold is at `overhear_webui::fuzz::range`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(webui::range);
