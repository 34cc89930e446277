//! What must hold is at `overhear_pcap_export::fuzz::export`.

#![cfg_attr(fuzzing, no_main)]

overhear_fuzz::target!(pcap_export::export);
