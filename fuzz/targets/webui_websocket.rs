//! What must hold is at `overhear_webui::fuzz::websocket`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(webui::websocket);
