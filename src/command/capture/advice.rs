//! What to do when the system does not let us capture.

use overhear_capture::libpcap::Error;

/// The error, with what to do about it on this system.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    let text = match &error {
        Error::Permission { interface, .. } => format!("{error}\n{}", permission(interface)),
        Error::NoSuchInterface { .. } => {
            format!("{error}: `overhear capture -D` lists those there are")
        }
        // exit status 2, as for every other mistake in what was typed
        Error::Expression { .. } => return crate::exit::Usage(error.to_string()).into(),
        _ => return error.into(),
    };
    anyhow::anyhow!(text)
}

#[cfg(target_os = "macos")]
fn permission(_interface: &str) -> String {
    "Capturing reads /dev/bpf*, which by default only root may. Either start it with sudo, or give your user the right \
     for good: `brew install --cask wireshark-chmodbpf` (the ChmodBPF that comes with Wireshark), or until the next \
     restart: sudo chown \"$USER\" /dev/bpf*"
        .to_owned()
}

#[cfg(not(target_os = "macos"))]
fn permission(_interface: &str) -> String {
    let program = std::env::current_exe()
        .map_or_else(|_| "overhear".to_owned(), |path| path.display().to_string());
    format!(
        "Either give the program the right, once:\n  sudo setcap cap_net_raw,cap_net_admin+eip {program}\nor start it \
         with sudo. (The right is lost when the program is built or copied anew.)"
    )
}
