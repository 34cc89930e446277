//! Firefox on a computer: certificates and proxy settings of its own.

use super::{Guide, button, path, server, step, text};
use crate::onboarding::place::Place;

pub(super) fn guide(place: &Place) -> Guide {
    Guide {
        proxy: vec![step(
            "Enter its address",
            &[
                text(&format!(
                    "Open {}, then <b>Settings…</b> below <b>Network Settings</b>. Choose <b>Manual proxy configuration</b>, as <b>HTTP Proxy</b>:",
                    path(&["Settings", "General"])
                )),
                server(place),
                text(
                    "Switch on <b>Also use this proxy for HTTPS</b> and choose <b>OK</b>. Then come back to this page.",
                ),
            ],
        )],
        certificate: vec![step(
            "Import the certificate",
            &[
                button("/overhear.crt", "Import the certificate"),
                text(
                    "Firefox asks what to trust it for: choose <b>Trust this CA to identify websites</b>.",
                ),
                text(&format!(
                    "If it saves the file instead, open {}, then <b>View Certificates…</b>, {}, and choose the file.",
                    path(&["Settings", "Privacy & Security", "Certificates"]),
                    path(&["Authorities", "Import…"])
                )),
            ],
        )],
        notes: vec![(
            "Use the system's certificates instead",
            text(
                "Where the system trusts the certificate already (Windows, macOS), Firefox follows it when <code>security.enterprise_roots.enabled</code> is <b>true</b> in <code>about:config</code>.",
            ),
        )],
        undo: text(&format!(
            "Delete the certificate in {}, and choose <b>No proxy</b> in the network settings.",
            path(&["View Certificates…", "Authorities"])
        )),
    }
}
