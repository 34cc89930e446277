//! Every target in one program, which links once: `OVERHEAR_FUZZ_TARGET` says which one runs, and without it their names are
//! printed.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(init: overhear_fuzz::choose(), |data: &[u8]| overhear_fuzz::chosen(data));

#[cfg(not(fuzzing))]
fn main() {
    overhear_fuzz::not_instrumented();
}
