//! The fuzz targets by name. What each of them checks is written at the function, in the module `fuzz` of its crate.

/// Declares the targets of each crate: what is `overhear_proxy::fuzz::requests` there is the target `proxy_requests` here.
#[cfg(fuzzing)]
macro_rules! targets {
    ($($of:ident = $krate:ident: $($target:ident)*;)*) => {
        $(
            #[doc(hidden)]
            pub use $krate::fuzz as $of;
        )*

        /// Names and functions.
        const TARGETS: &[(&str, &str, fn(&[u8]))] = &[
            $($((stringify!($of), stringify!($target), $krate::fuzz::$target),)*)*
        ];
    };
}

#[cfg(fuzzing)]
targets! {
    ca = overhear_ca: certificates host_name;
    store = overhear_store: filter body_search grpc_status head rules_file cursor;
    proxy = overhear_proxy: first_bytes request_head response_head chunked requests responses request_target client_hello server_seen socks_requests socks_answers tunnel_answers websocket websocket_extensions json_pointer changed_request redirects replayed starttls;
    pcap_export = overhear_pcap_export: export;
    capture = overhear_capture: file packet fragments segments print flows http1 http2 hpack tls keylog datagrams conversation filter;
    webui = overhear_webui: websocket json har_entry descriptors decoded range host;
}

/// The target that was chosen.
#[cfg(fuzzing)]
static CHOSEN: std::sync::OnceLock<fn(&[u8])> = std::sync::OnceLock::new();

/// Reads which target is to run. Without a name all names are printed and the program ends, as it does with a wrong one.
#[cfg(fuzzing)]
pub fn choose() {
    let name = std::env::var("OVERHEAR_FUZZ_TARGET").unwrap_or_default();
    let named = |(of, target, _): &&(&str, &str, fn(&[u8]))| format!("{of}_{target}") == name;
    match TARGETS.iter().find(named) {
        Some((.., run)) => {
            CHOSEN.get_or_init(|| *run);
        }
        None => {
            for (of, target, _) in TARGETS {
                println!("{of}_{target}");
            }
            std::process::exit(i32::from(!name.is_empty()));
        }
    }
}

/// Runs the target that was chosen.
#[cfg(fuzzing)]
pub fn chosen(data: &[u8]) {
    if let Some(run) = CHOSEN.get() {
        run(data);
    }
}

/// Makes a program of one target.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! target {
    ($of:ident::$target:ident) => {
        ::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$of::$target(data));
    };
}

/// Makes a program of one target.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! target {
    ($of:ident::$target:ident) => {
        fn main() {
            $crate::not_instrumented();
        }
    };
}

/// Says how a target is built.
///
/// # Panics
/// Always: what was built cannot fuzz.
#[cfg(not(fuzzing))]
pub fn not_instrumented() {
    panic!("build it with cargo fuzz, or through tests/run fuzz");
}
